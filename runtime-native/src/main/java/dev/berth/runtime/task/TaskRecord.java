package dev.berth.runtime.task;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is needed to find a process again after the JVM was replaced; {@code task.json} in its
 * directory.
 *
 * @param schema of this record; a reader refuses what is newer
 * @param startTime of the process in clock ticks since boot, which with the pid names it for good
 * @param started the start gate was opened; false until then
 * @param namespaces types that the process has of its own or joined
 * @param cgroup path below the hierarchies; null for none
 * @param log null: output is dropped or goes elsewhere
 * @param hooked config.json has hooks; false in a record of a release that knew none
 * @param released no berth-init is beside the process: its parent is somebody else
 */
record TaskRecord(
    int schema,
    String id,
    String bundle,
    int pid,
    long startTime,
    String createdAt,
    boolean started,
    boolean terminal,
    boolean logged,
    @Nullable String log,
    @Nullable String stdin,
    @Nullable String stdout,
    List<String> namespaces,
    @Nullable String cgroup,
    boolean hooked,
    boolean released) {
  static final int SCHEMA = 1;
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  void write(TaskDirectory directory) {
    try {
      AtomicFiles.writeVolatile(
          directory.state(), GSON.toJson(this).getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, "cannot write " + directory.state() + ": " + e, e);
    }
  }

  /**
   * Reads a record.
   *
   * @throws BerthException NOT_FOUND without one, INTERNAL if it cannot be understood
   */
  static TaskRecord read(TaskDirectory directory) {
    Path file = directory.state();
    try {
      TaskRecord record = GSON.fromJson(Files.readString(file), TaskRecord.class);
      if (record == null || record.schema > SCHEMA) {
        throw new BerthException(
            BerthException.Kind.INTERNAL, file + ": written by a newer release or empty");
      }
      return record;
    } catch (java.nio.file.NoSuchFileException e) {
      throw new BerthException(BerthException.Kind.NOT_FOUND, file + ": no such task", e);
    } catch (IOException | JsonParseException e) {
      throw new BerthException(BerthException.Kind.INTERNAL, file + ": unreadable: " + e, e);
    }
  }

  TaskRecord asStarted() {
    return new TaskRecord(
        schema,
        id,
        bundle,
        pid,
        startTime,
        createdAt,
        true,
        terminal,
        logged,
        log,
        stdin,
        stdout,
        namespaces,
        cgroup,
        hooked,
        released);
  }

  TaskRecord withLog(@Nullable String newLog) {
    return new TaskRecord(
        schema,
        id,
        bundle,
        pid,
        startTime,
        createdAt,
        started,
        terminal,
        logged,
        newLog,
        stdin,
        stdout,
        namespaces,
        cgroup,
        hooked,
        released);
  }
}
