package dev.berth.sandbox.spec;

import java.util.List;

/**
 * What an image may say about a container that runs it, and nothing more (rule R13): its labels and
 * everything else of its configuration have no way into a spec.
 *
 * @param entrypoint first part of the command
 * @param command second part of the command
 * @param environment {@code NAME=value}
 * @param workingDirectory absolute; empty for the root directory
 * @param user {@code user[:group]}; empty for root
 */
public record ImageDefaults(
    List<String> entrypoint,
    List<String> command,
    List<String> environment,
    String workingDirectory,
    String user) {
  public ImageDefaults {
    entrypoint = List.copyOf(entrypoint);
    command = List.copyOf(command);
    environment = List.copyOf(environment);
  }
}
