package dev.berth.testing;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What the command systemctl of the host says, as a second opinion. */
public final class Systemctl {
  private Systemctl() {}

  /** Returns one property of a unit. */
  public static String show(String unit, String property) {
    return run("show", "--value", "--property=" + property, unit);
  }

  /** Makes systemd read its units anew, and write what they say to the cgroups. */
  public static void daemonReload() {
    run("daemon-reload");
  }

  /** Runs the command to its end and returns what it printed. */
  public static String run(String... arguments) {
    List<String> command = new ArrayList<>(List.of("systemctl"));
    command.addAll(List.of(arguments));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() != 0) {
        throw new AssertionError(command + ": " + output);
      }
      return output;
    } catch (IOException e) {
      throw new AssertionError(command.toString(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(command.toString(), e);
    }
  }
}
