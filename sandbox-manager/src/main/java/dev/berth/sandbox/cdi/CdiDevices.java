package dev.berth.sandbox.cdi;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Finds devices in the spec files of a node. The files are read when a container asks for a device:
 * vendors change them at any time, and most containers ask for none. Thread-safe.
 *
 * <p>A device of a later directory takes the place of the same one of an earlier directory; two of
 * one directory are in conflict, and neither can be had.
 */
public final class CdiDevices {
  private static final System.Logger LOG = System.getLogger(CdiDevices.class.getName());

  private final List<Path> directories;

  /**
   * Makes a finder.
   *
   * @param directories of spec files, the least important first; they need not exist
   */
  public CdiDevices(List<Path> directories) {
    this.directories = List.copyOf(directories);
  }

  /**
   * Returns what devices change of a container: of every file first what it says for all its
   * devices, then the devices in their order. One that is named twice counts once.
   *
   * @param names qualified names
   * @throws BerthException INVALID_ARGUMENT for what is no name, NOT_FOUND for a device that no
   *     file has, FAILED_PRECONDITION for one that two files have
   */
  public ContainerEdits edits(List<String> names) {
    if (names.isEmpty()) {
      return ContainerEdits.NONE;
    }
    List<DeviceName> wanted = names.stream().map(DeviceName::parse).distinct().toList();
    Catalog catalog = read();
    Set<SpecFile> files = new LinkedHashSet<>();
    ContainerEdits all = ContainerEdits.NONE;
    for (DeviceName name : wanted) {
      SpecFile file = catalog.fileOf(name);
      if (files.add(file)) {
        all = all.and(file.edits());
      }
      all = all.and(file.devices().getOrDefault(name.device(), ContainerEdits.NONE));
    }
    return all;
  }

  /** What the directories hold, the most important first, and what could not be read. */
  private record Catalog(List<List<SpecFile>> levels, List<BerthException> unreadable) {
    SpecFile fileOf(DeviceName name) {
      for (List<SpecFile> level : levels) {
        List<SpecFile> having =
            level.stream()
                .filter(file -> file.kind().equals(name.kind()))
                .filter(file -> file.devices().containsKey(name.device()))
                .toList();
        if (having.size() > 1) {
          throw new BerthException(
              FAILED_PRECONDITION,
              "CDI device "
                  + name
                  + " is in conflict: it is in "
                  + having.get(0).path()
                  + " and in "
                  + having.get(1).path());
        }
        if (!having.isEmpty()) {
          return having.getFirst();
        }
      }
      throw unknown(name);
    }

    /** A file that could not be read may be the one that has it. */
    private BerthException unknown(DeviceName name) {
      StringBuilder message = new StringBuilder("CDI device " + name + " is in no spec file");
      unreadable.forEach(failure -> message.append("; ").append(failure.getMessage()));
      return new BerthException(NOT_FOUND, message.toString());
    }
  }

  private Catalog read() {
    List<List<SpecFile>> levels = new ArrayList<>();
    List<BerthException> unreadable = new ArrayList<>();
    for (Path directory : directories.reversed()) {
      List<SpecFile> level = new ArrayList<>();
      for (Path file : files(directory)) {
        try {
          level.add(SpecFile.read(file));
        } catch (BerthException e) {
          LOG.log(System.Logger.Level.WARNING, e.getMessage());
          unreadable.add(e);
        }
      }
      levels.add(level);
    }
    return new Catalog(levels, unreadable);
  }

  private static List<Path> files(Path directory) {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries
          .filter(file -> file.toString().matches(".*\\.(json|yaml|yml)"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot list CDI directory " + directory + ": " + e, e);
    }
  }
}
