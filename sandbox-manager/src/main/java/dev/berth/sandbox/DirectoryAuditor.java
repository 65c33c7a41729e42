package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Audits a directory that has one directory for each pod or container, by its id.
 *
 * @param directory above them, which need not be there
 * @param required returns the ids of those that must be there by the records
 * @param allowed returns the ids of those that may
 */
record DirectoryAuditor(
    String kind, Path directory, Supplier<Set<String>> required, Supplier<Set<String>> allowed)
    implements Auditor {
  @Override
  public void look(AuditSheet sheet) {
    list(directory).forEach(one -> sheet.found(one.toString(), one.getFileName().toString()));
    required
        .get()
        .forEach(id ->
            sheet.required(
                directory.resolve(id).toString(), id, "its owner is in use by its record"));
    allowed.get().forEach(id -> sheet.allowed(directory.resolve(id).toString()));
  }

  /** Returns what is in a directory; nothing if there is no such directory. */
  static List<Path> list(Path directory) {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot list " + directory + ": " + e, e);
    }
  }
}
