package dev.berth.runtime.task;

import dev.berth.runtime.kernel.ExitStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Optional;

/**
 * The 64 bytes in which berth-init says how its process ended; {@code struct exit_record} in
 * stub.h.
 *
 * <p>The file is made full size and all zero when the task is created, so that the one write at the
 * end needs no disk space.
 *
 * @param adopted the writer was not the parent: how the process ended is not in the record
 */
record ExitRecord(ExitStatus status, int pid, boolean adopted, Instant at) {
  static final int BYTES = 64;
  static final int MAGIC = 0x54495845;
  private static final int VERSION = 1;
  private static final int CLD_EXITED = 1;
  private static final int CLD_KILLED = 2;
  private static final int CLD_DUMPED = 3;

  /** Reads a record; empty while the process has not ended or its stub was killed first. */
  static Optional<ExitRecord> read(Path file) {
    ByteBuffer in = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
      while (in.hasRemaining() && channel.read(in) >= 0) {
        // a short read is only the end of the file
      }
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("exit record " + file, e);
    }
    in.flip();
    return in.remaining() == BYTES && in.getInt(0) == MAGIC
        ? Optional.of(decode(in))
        : Optional.empty();
  }

  /** Reads what berth-init has from waitid(2), here and in its EXITED message. */
  static ExitStatus status(int code, int status) {
    return code == CLD_KILLED || code == CLD_DUMPED
        ? new ExitStatus.Signaled(status, code == CLD_DUMPED)
        : new ExitStatus.Exited(status);
  }

  private static ExitRecord decode(ByteBuffer in) {
    int code = in.getInt(8);
    int status = in.getInt(12);
    ExitStatus how = status(code, status);
    Instant at = Instant.ofEpochSecond(in.getLong(24), in.getLong(32));
    return new ExitRecord(how, in.getInt(16), in.getInt(20) != 0, at);
  }

  /** Writes what was learned otherwise over the record of a stub that was not the parent. */
  static void write(Path file, int pid, ExitStatus status, Instant at) {
    ByteBuffer out = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(MAGIC).putInt(VERSION);
    switch (status) {
      case ExitStatus.Exited(int code) -> out.putInt(CLD_EXITED).putInt(code);
      case ExitStatus.Signaled(int signal, boolean dumped) ->
          out.putInt(dumped ? CLD_DUMPED : CLD_KILLED).putInt(signal);
    }
    out.putInt(pid).putInt(0).putLong(at.getEpochSecond()).putLong(at.getNano());
    out.rewind();
    try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(out, 0);
    } catch (IOException e) {
      throw new UncheckedIOException("exit record " + file, e);
    }
  }

  /** Makes the empty record. */
  static void create(Path file) throws IOException {
    try (var channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(BYTES));
    }
  }
}
