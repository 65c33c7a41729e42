package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Who is whose child: /proc/PID/task/TID/children, proc(5). A child belongs to the thread that made
 * or inherited it, so every thread is asked.
 *
 * <p>A look at one moment: what is made or ends meanwhile may be missing. A kernel built without
 * CONFIG_PROC_CHILDREN names no children.
 */
public final class ProcessTree {
  private ProcessTree() {}

  /** Returns the children of this process, those that have ended and are unreaped among them. */
  public static List<Integer> ownChildren() {
    return children(Path.of("/proc/self/task"));
  }

  /** Returns the children of a process; none if it is gone. */
  public static List<Integer> children(int pid) {
    return children(Path.of("/proc", Integer.toString(pid), "task"));
  }

  /** Opens a pidfd of every descendant of a process; the caller closes them. */
  public static List<Fd> openDescendants(int pid) {
    List<Fd> opened = new ArrayList<>();
    addDescendants(pid, opened);
    return opened;
  }

  private static void addDescendants(int pid, List<Fd> opened) {
    for (int child : children(pid)) {
      Processes.open(child).ifPresent(opened::add);
      addDescendants(child, opened);
    }
  }

  private static List<Integer> children(Path threads) {
    List<Integer> pids = new ArrayList<>();
    try (DirectoryStream<Path> each = Files.newDirectoryStream(threads)) {
      for (Path thread : each) {
        for (String pid : read(thread.resolve("children")).split(" ", -1)) {
          if (!pid.isEmpty()) {
            pids.add(Integer.parseInt(pid));
          }
        }
      }
      return pids;
    } catch (NoSuchFileException e) {
      return List.of(); // the process has ended
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot read " + threads + ": " + e, e);
    }
  }

  private static String read(Path children) throws IOException {
    try {
      return Files.readString(children, StandardCharsets.US_ASCII).trim();
    } catch (NoSuchFileException e) {
      return ""; // the thread has ended
    } catch (IOException e) {
      if (Processes.isGone(e)) {
        return "";
      }
      throw e;
    }
  }
}
