package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.ArrayList;
import java.util.List;

/** Writes what is executed, where, and whether on a terminal. */
final class CommandPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    List<String> command = command(input.container(), input.image());
    return SpecParts.process(
        spec,
        process ->
            process
                .args(command)
                .cwd(workingDirectory(input.container(), input.image()))
                .terminal(input.container().getTty()));
  }

  /**
   * A command of the pod replaces the image's entrypoint and discards the image's command, which
   * was meant as its arguments; arguments of the pod replace the image's command.
   */
  private static List<String> command(ContainerConfig container, ImageDefaults image) {
    List<String> command = new ArrayList<>();
    boolean overridden = !container.getCommandList().isEmpty();
    command.addAll(overridden ? container.getCommandList() : image.entrypoint());
    if (!container.getArgsList().isEmpty()) {
      command.addAll(container.getArgsList());
    } else if (!overridden) {
      command.addAll(image.command());
    }
    if (command.isEmpty()) {
      throw new BerthException(
          INVALID_ARGUMENT, "no command: neither the container nor its image names one");
    }
    command.forEach(word -> requireText("command", word));
    return command;
  }

  private static String workingDirectory(ContainerConfig container, ImageDefaults image) {
    boolean given = !container.getWorkingDir().isEmpty();
    String directory = given ? container.getWorkingDir() : image.workingDirectory();
    if (directory.isEmpty()) {
      return "/";
    }
    if (!directory.startsWith("/")) {
      throw new BerthException(
          INVALID_ARGUMENT,
          (given ? "working_dir" : "working directory of the image")
              + " \""
              + Ids.printable(directory)
              + "\" is not absolute");
    }
    return requireText("working_dir", directory);
  }

  /** The kernel ends a text at NUL: what follows would silently be lost. */
  static String requireText(String field, String text) {
    if (text.indexOf('\0') >= 0) {
      throw new BerthException(
          INVALID_ARGUMENT, field + " \"" + Ids.printable(text) + "\" contains a NUL character");
    }
    return text;
  }
}
