package dev.berth.sandbox.cni;

import com.google.gson.JsonObject;

/**
 * What the plugins are told of one sandbox.
 *
 * @param containerId the sandbox's id
 * @param netns path of its network namespace; empty if that is gone, which only a DEL may say
 * @param ifName name of the interface inside it
 * @param args {@code CNI_ARGS}: {@code key=value} pairs joined by semicolons
 * @param capabilityArgs arguments for the plugins that declare the capability of that name
 */
public record Attachment(
    String containerId, String netns, String ifName, String args, JsonObject capabilityArgs) {
  public Attachment {
    capabilityArgs = capabilityArgs.deepCopy();
  }

  /** Returns the same attachment after its namespace was lost. */
  public Attachment withoutNetns() {
    return new Attachment(containerId, "", ifName, args, capabilityArgs);
  }
}
