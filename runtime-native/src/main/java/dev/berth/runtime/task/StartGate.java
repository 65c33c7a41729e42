package dev.berth.runtime.task;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.reflect.TypeToken;
import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.OpenFlag;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.SeqpacketSocket;
import dev.berth.runtime.plan.LaunchPlan;
import dev.berth.runtime.plan.PlanProgress;
import dev.berth.runtime.plan.StepFailure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.SortedMap;

/**
 * Where a created process without a stub waits to be started: a socket in its task's directory,
 * which only root enters. Whoever connects starts it; the connection ends when the program is
 * executed, or when the process ends before that, and then the plan's memory, a file beside the
 * socket, says why.
 */
final class StartGate {
  private static final String SOCKET = "gate";
  private static final String PLAN = "plan";
  private static final String FAILURES = "start.json";
  private static final int MODE = 0600;
  private static final Duration LOOK_AGAIN = Duration.ofMillis(1);
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  private final TaskDirectory directory;

  StartGate(TaskDirectory directory) {
    this.directory = directory;
  }

  /** Makes the socket; the process gets it by the name that its plan has for it. */
  void listen(OpenFiles files) {
    try (DirFd folder = DirFd.open(directory.path())) {
      Fd gate = files.add("gate", SeqpacketSocket.listen(folder, SOCKET, MODE).fd());
      Descriptors.setNonBlocking(gate, false); // the process has nothing else to do than to wait
    }
  }

  /** Makes the file that a plan is to be written to; the caller closes it. */
  Fd createPlan() {
    return Descriptors.open(
        directory.path().resolve(PLAN),
        MODE,
        OpenFlag.READ_WRITE,
        OpenFlag.CREATE,
        OpenFlag.EXCLUSIVE);
  }

  /** Keeps what the one who starts the process has to know of its plan. */
  void describe(LaunchPlan plan) throws IOException {
    Files.writeString(directory.path().resolve(FAILURES), GSON.toJson(plan.failuresOfStart()));
  }

  /**
   * Starts the process; returns when its exec has happened.
   *
   * @param patience how long what comes before the exec may take
   * @param process to take its seccomp listener from, if its filter has one
   * @throws BerthException naming the field of config.json if it did not happen
   */
  void open(Duration patience, Optional<Fd> process, ListenerReceiver receiver) {
    try (DirFd folder = DirFd.open(directory.path());
        SeqpacketSocket starter = SeqpacketSocket.connect(folder, SOCKET, patience)) {
      if (process.isPresent()) {
        takeListener(starter, process.get(), receiver, Instant.now().plus(patience));
      }
      if (!(starter.receive(1, patience) instanceof SeqpacketSocket.Received.Closed)) {
        throw new BerthException(
            BerthException.Kind.DEADLINE_EXCEEDED,
            "the process was not executed within " + patience.toSeconds() + " s");
      }
    } catch (NativeException e) {
      if (e.errno() != Errno.ECONNREFUSED.number() && e.errno() != Errno.ENOENT.number()) {
        throw e;
      }
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION, "cannot start a container that has stopped", e);
    }
    requireExecuted();
    remove();
  }

  /** The process has no stub to take it, and shows it in the plan: plan.h. */
  private void takeListener(
      SeqpacketSocket starter, Fd process, ListenerReceiver receiver, Instant deadline) {
    try (Fd plan = Descriptors.open(directory.path().resolve(PLAN), OpenFlag.READ_WRITE)) {
      int shown = listener(plan);
      while (shown == PlanProgress.LISTENER_EXPECTED
          && Instant.now().isBefore(deadline)
          && !starter.awaitReadable(LOOK_AGAIN)) {
        shown = listener(plan);
      }
      if (shown > 0) {
        try (Fd listener = Processes.takeDescriptor(process, shown - 1)) {
          receiver.take(listener);
        } finally {
          Descriptors.writeAt(
              plan, PlanProgress.LISTENER_OFFSET, word(PlanProgress.LISTENER_TAKEN));
        }
      }
    }
  }

  private static int listener(Fd plan) {
    byte[] bytes = Descriptors.readAt(plan, PlanProgress.LISTENER_OFFSET, Integer.BYTES);
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
  }

  private static byte[] word(int value) {
    return ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
  }

  private void requireExecuted() {
    PlanProgress progress;
    try (Fd plan = Descriptors.open(directory.path().resolve(PLAN))) {
      progress =
          PlanProgress.decode(Descriptors.readAt(plan, PlanProgress.OFFSET, PlanProgress.BYTES));
    }
    if (progress.failed().isPresent()) {
      throw failure(progress.failed().getAsInt(), progress.errno());
    }
    if (!progress.executing()) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION, "the process ended before its program began");
    }
  }

  private BerthException failure(int step, int errno) {
    Path file = directory.path().resolve(FAILURES);
    try {
      SortedMap<Integer, StepFailure> failures =
          GSON.fromJson(
              Files.readString(file), new TypeToken<SortedMap<Integer, StepFailure>>() {});
      StepFailure failed = failures == null ? null : failures.get(step);
      return failed == null
          ? new BerthException(
              BerthException.Kind.INTERNAL,
              "start failed at step " + step + ": " + Errno.describe(errno))
          : failed.explain(errno);
    } catch (IOException | JsonParseException e) {
      return new BerthException(
          BerthException.Kind.INTERNAL, file + ": unreadable, start failed at step " + step, e);
    }
  }

  /** It is needed only once, and the plan takes the room of its text. */
  private void remove() {
    for (String name : new String[] {SOCKET, PLAN, FAILURES}) {
      try {
        Files.deleteIfExists(directory.path().resolve(name));
      } catch (IOException e) {
        throw new BerthException(
            BerthException.Kind.INTERNAL, directory.path() + ": " + name + " stays: " + e, e);
      }
    }
  }
}
