package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.gson.JsonObject;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.nio.file.Path;

/**
 * What the plugins are told of one sandbox. Valid by construction: nothing in it can lead a plugin
 * out of a directory or be taken for something else (rule R11).
 *
 * @param containerId the sandbox's id
 * @param netns absolute path of its network namespace; empty if that is gone, which only a DEL may
 *     say
 * @param ifName name of the interface inside it
 * @param args what is passed on as {@code CNI_ARGS}
 * @param capabilityArgs arguments for the plugins that declare the capability of that name
 */
public record Attachment(
    String containerId, String netns, String ifName, CniArgs args, JsonObject capabilityArgs) {
  private static final int MAX_INTERFACE_NAME = 15; // IFNAMSIZ of linux/if.h, without the NUL

  public Attachment {
    Ids.requireName("CNI container id", containerId);
    if (!netns.isEmpty()) {
      requirePath(netns);
    }
    requireInterface(ifName);
    capabilityArgs = capabilityArgs.deepCopy();
  }

  private static void requirePath(String netns) {
    boolean clean =
        netns.startsWith("/")
            && netns.chars().noneMatch(Character::isISOControl)
            && Path.of(netns).normalize().toString().equals(netns);
    if (!clean) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "CNI netns \"" + Ids.printable(netns) + "\" must be an absolute path without '..'");
    }
  }

  /** What dev_valid_name of the kernel takes, of printable ASCII only. */
  private static void requireInterface(String name) {
    boolean valid =
        !name.isEmpty()
            && name.length() <= MAX_INTERFACE_NAME
            && !name.equals(".")
            && !name.equals("..")
            && name.chars().allMatch(c -> c > ' ' && c < 0x7F && c != '/' && c != ':');
    if (!valid) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "CNI interface \"" + Ids.printable(name) + "\" is not the name of an interface");
    }
  }

  /** Returns the same attachment after its namespace was lost. */
  public Attachment withoutNetns() {
    return new Attachment(containerId, "", ifName, args, capabilityArgs);
  }
}
