package dev.berth.shim.client;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Audits the directories in which Berth's shim keeps its tasks, with their sockets and FIFOs, and
 * those of the commands beside them, which are there as long as the operation that has their id.
 *
 * @param shims above the directories of shims
 */
record TaskDirectoryAuditor(Path shims, TaskView view) implements Auditor {
  @Override
  public String kind() {
    return "task directory";
  }

  @Override
  public void look(AuditSheet sheet) {
    List<String> found = new ArrayList<>();
    for (Path shim : list(shims)) {
      for (Path task : list(shim.resolve("tasks"))) {
        found.add(nameOf(task));
        enter(task, sheet);
      }
      list(shim.resolve("loggers")).forEach(logger -> enter(logger, sheet));
    }
    for (String id : view.required()) {
      if (!found.contains(id)) {
        sheet.required(id, id, "container or pod " + id + " has a task by its record");
      }
    }
  }

  private void enter(Path directory, AuditSheet sheet) {
    String id = nameOf(directory);
    sheet.found(directory.toString(), id);
    if (view.known().contains(id)) {
      sheet.allowed(directory.toString());
    }
    for (Path command : list(directory.resolve("execs"))) {
      sheet.found(command.toString(), nameOf(command), "no command runs that has it");
    }
  }

  private static String nameOf(Path path) {
    return path.getFileName().toString();
  }

  private static List<Path> list(Path directory) {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot list " + directory + ": " + e, e);
    }
  }
}
