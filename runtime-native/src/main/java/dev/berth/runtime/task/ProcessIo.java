package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Fifos;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.OpenFlag;
import dev.berth.runtime.kernel.SeqpacketSocket;
import dev.berth.runtime.plan.LaunchOptions;
import dev.berth.runtime.plan.Slot;
import dev.berth.runtime.plan.Stdio;
import dev.berth.runtime.spec.ContainerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes and opens what stands behind a process's descriptors 0, 1 and 2 and what its stub needs.
 *
 * <p>With a log, the process writes into FIFOs of the task's directory that the stub reads. This
 * JVM and the process hold them open too and never read: when the stub is killed, what the process
 * writes waits there for the successor.
 *
 * @param stdio what the plan gives the process
 * @param slots what the stub gets
 */
record ProcessIo(Stdio stdio, Set<Slot> slots) {
  private static final int PIPE_BYTES = 1 << 20;
  private static final int FIFO_MODE = 0600;
  private static final int SOCKET_MODE = 0600;
  private static final int FIRST_PRESERVED = 3;

  /** Makes what a new process needs; descriptors go into {@code files} under the plan's names. */
  static ProcessIo open(
      TaskDirectory directory, TaskIo io, ContainerProcess process, int owner, OpenFiles files)
      throws IOException {
    if (io instanceof TaskIo.Released released) {
      return open(released, process, files);
    }
    Set<Slot> slots = EnumSet.of(Slot.LISTENER, Slot.EXIT_RECORD);
    listen(directory, files);
    files.add(
        Slot.EXIT_RECORD.descriptor(),
        Descriptors.open(directory.exitRecord(), OpenFlag.READ_WRITE));
    switch (io) {
      case TaskIo.Released _ -> throw new IllegalStateException("has no stub");
      case TaskIo.Log(Path log, TaskIo.Input input) -> {
        makeFifos(directory, owner, process.terminal());
        slots.addAll(
            openLog(directory, process.terminal(), log == null ? null : LogFiles.open(log), files));
        slots.addAll(openInput(directory, process.terminal(), owner, input, files));
        if (!process.terminal()) {
          files.add("stdout", openEnd(directory, TaskDirectory.STDOUT));
          files.add("stderr", openEnd(directory, TaskDirectory.STDERR));
        }
      }
      case TaskIo.Pipes(Path stdin, Path stdout, Path stderr) -> {
        slots.addAll(openInput(process.terminal(), stdin, files));
        if (process.terminal()) {
          files.add(Slot.RAW_OUT.descriptor(), nonBlocking(Pipes.output(stdout)));
          slots.add(Slot.RAW_OUT);
        } else {
          files.add("stdout", Pipes.output(stdout, owner));
          files.add("stderr", Pipes.output(stderr, owner));
        }
      }
      case TaskIo.Inherited() -> inherit(process.terminal(), files, slots);
    }
    return new ProcessIo(stdio(process), slots);
  }

  /**
   * Opens what a process without a terminal needs whose stub needs nothing: no log, no terminal,
   * nobody who is to find it.
   */
  static ProcessIo pass(TaskIo io, ContainerProcess process, int owner, OpenFiles files) {
    if (!(io instanceof TaskIo.Pipes(Path stdin, Path stdout, Path stderr)) || process.terminal()) {
      throw new IllegalArgumentException("a command has pipes and no terminal");
    }
    files.add("stdin", Pipes.input(stdin));
    files.add("stdout", Pipes.output(stdout, owner));
    files.add("stderr", Pipes.output(stderr, owner));
    return new ProcessIo(stdio(process), Set.of());
  }

  /** Opens again, for a successor, what a killed stub had. */
  static Set<Slot> reopen(TaskDirectory directory, TaskRecord record, OpenFiles files)
      throws IOException {
    Set<Slot> slots = EnumSet.of(Slot.LISTENER, Slot.EXIT_RECORD);
    Files.deleteIfExists(directory.path().resolve(TaskDirectory.CONTROL));
    listen(directory, files);
    files.add(
        Slot.EXIT_RECORD.descriptor(),
        Descriptors.open(directory.exitRecord(), OpenFlag.READ_WRITE));
    if (record.logged()) {
      String log = record.log();
      Fd file =
          log == null
              ? null
              : LogFiles.openForSuccessor(Path.of(log), directory.journal()).orElse(null);
      slots.addAll(openLog(directory, record.terminal(), file, files));
    }
    String stdin = record.stdin();
    if (stdin != null && !AttachedInput.isClosed(directory)) {
      files.add(Slot.STDIN.descriptor(), stdinSlot(record.terminal(), Path.of(stdin)));
      slots.add(Slot.STDIN);
    }
    AttachedInput.open(directory)
        .ifPresent(end -> {
          files.add(Slot.STDIN.descriptor(), end);
          slots.add(Slot.STDIN);
        });
    String stdout = record.stdout();
    if (record.terminal() && stdout != null) {
      files.add(Slot.RAW_OUT.descriptor(), nonBlocking(Pipes.output(Path.of(stdout))));
      slots.add(Slot.RAW_OUT);
    }
    return slots;
  }

  /** Opens the FIFOs of a logged process, to be held as long as this JVM follows it. */
  static List<Fd> hold(TaskDirectory directory, TaskRecord record) {
    if (!record.logged()) {
      return List.of();
    }
    try (Fd folder = Descriptors.open(directory.path(), OpenFlag.PATH, OpenFlag.DIRECTORY)) {
      return record.terminal()
          ? List.of(Fifos.open(folder, TaskDirectory.STDOUT))
          : List.of(
              Fifos.open(folder, TaskDirectory.STDOUT), Fifos.open(folder, TaskDirectory.STDERR));
    }
  }

  private static void listen(TaskDirectory directory, OpenFiles files) {
    try (DirFd folder = DirFd.open(directory.path())) {
      files.add(
          Slot.LISTENER.descriptor(),
          SeqpacketSocket.listen(folder, TaskDirectory.CONTROL, SOCKET_MODE).fd());
    }
  }

  private static void makeFifos(TaskDirectory directory, int owner, boolean terminal) {
    try (Fd folder = Descriptors.open(directory.path(), OpenFlag.PATH, OpenFlag.DIRECTORY)) {
      Fifos.create(folder, TaskDirectory.STDOUT, FIFO_MODE, owner, owner);
      if (!terminal) {
        Fifos.create(folder, TaskDirectory.STDERR, FIFO_MODE, owner, owner);
      }
    }
  }

  private static Set<Slot> openLog(
      TaskDirectory directory, boolean terminal, @Nullable Fd log, OpenFiles files) {
    Set<Slot> slots = EnumSet.of(Slot.JOURNAL, Slot.OUT, Slot.OUT_SPOOL);
    if (log != null) {
      files.add(Slot.LOG.descriptor(), log);
      slots.add(Slot.LOG);
    }
    files.add(
        Slot.JOURNAL.descriptor(), Descriptors.open(directory.journal(), OpenFlag.READ_WRITE));
    stream(directory, TaskDirectory.STDOUT, Slot.OUT, Slot.OUT_SPOOL, files);
    if (!terminal) {
      stream(directory, TaskDirectory.STDERR, Slot.ERR, Slot.ERR_SPOOL, files);
      slots.add(Slot.ERR);
      slots.add(Slot.ERR_SPOOL);
    }
    return slots;
  }

  private static void stream(
      TaskDirectory directory, String fifo, Slot ends, Slot spool, OpenFiles files) {
    try (Fd folder = Descriptors.open(directory.path(), OpenFlag.PATH, OpenFlag.DIRECTORY)) {
      Fd opened = files.add(ends.descriptor(), Fifos.open(folder, fifo));
      Fifos.resize(opened, PIPE_BYTES);
    }
    files.add(
        spool.descriptor(),
        Descriptors.open(directory.spool(fifo), 0600, OpenFlag.READ_WRITE, OpenFlag.CREATE));
  }

  /**
   * The end that the process gets: blocking, and for reading too. So the FIFO has a reader for as
   * long as someone may write: when its stub and this JVM are killed together, what it writes waits
   * for their successors, and it gets no SIGPIPE.
   */
  private static Fd openEnd(TaskDirectory directory, String fifo) {
    return Descriptors.open(directory.path().resolve(fifo), OpenFlag.READ_WRITE);
  }

  /**
   * What the process reads. A terminal is typed into by the stub; otherwise the process reads the
   * caller's FIFO itself, and the stub holds a writing end of it until it is told CloseIO.
   */
  private static Set<Slot> openInput(boolean terminal, @Nullable Path stdin, OpenFiles files) {
    if (!terminal) {
      files.add("stdin", Pipes.input(stdin));
    }
    if (stdin == null) {
      return Set.of();
    }
    files.add(Slot.STDIN.descriptor(), stdinSlot(terminal, stdin));
    return Set.of(Slot.STDIN);
  }

  private static Set<Slot> openInput(
      TaskDirectory directory, boolean terminal, int owner, TaskIo.Input input, OpenFiles files)
      throws IOException {
    return switch (input) {
      case TaskIo.Input.Nothing() -> openInput(terminal, null, files);
      case TaskIo.Input.Fifo(Path path) -> openInput(terminal, path, files);
      case TaskIo.Input.Attached(boolean once) -> {
        AttachedInput.create(directory, terminal, owner, once);
        if (terminal) {
          yield Set.of(); // typed by the stub
        }
        files.add(Slot.STDIN.descriptor(), AttachedInput.open(directory).orElseThrow());
        files.add("stdin", Pipes.input(directory.path().resolve(TaskDirectory.STDIN)));
        yield Set.of(Slot.STDIN);
      }
    };
  }

  private static Fd stdinSlot(boolean terminal, Path stdin) {
    return terminal
        ? Descriptors.open(stdin, OpenFlag.READ_WRITE, OpenFlag.NON_BLOCKING)
        : Descriptors.open(stdin, OpenFlag.READ_WRITE);
  }

  private static void inherit(boolean terminal, OpenFiles files, Set<Slot> slots) {
    if (terminal) {
      files.add(
          Slot.STDIN.descriptor(), Descriptors.open(Path.of("/dev/stdin"), OpenFlag.NON_BLOCKING));
      files.add(
          Slot.RAW_OUT.descriptor(), Descriptors.open(Path.of("/dev/stdout"), OpenFlag.WRITE));
      slots.add(Slot.STDIN);
      slots.add(Slot.RAW_OUT);
      return;
    }
    passOwn(files);
  }

  private static void passOwn(OpenFiles files) {
    String[] names = {"stdin", "stdout", "stderr"};
    for (int i = 0; i < names.length; i++) {
      files.add(names[i], Descriptors.duplicate(i));
    }
  }

  /** Opens what a process gets that no stub stays beside. */
  static ProcessIo open(TaskIo.Released io, ContainerProcess process, OpenFiles files) {
    io.check(process.terminal());
    if (!process.terminal()) {
      passOwn(files);
    }
    return new ProcessIo(stdio(process), Set.of());
  }

  /** Duplicates what the caller of this program wants its container to have as well. */
  static void preserve(LaunchOptions options, OpenFiles files) {
    for (int i = 0; i < options.preservedFds(); i++) {
      try {
        files.add(LaunchOptions.preserved(i), Descriptors.duplicate(FIRST_PRESERVED + i));
      } catch (NativeException e) {
        throw new BerthException(
            BerthException.Kind.INVALID_ARGUMENT,
            "preserved descriptors: " + (FIRST_PRESERVED + i) + " is not open",
            e);
      }
    }
  }

  private static Fd nonBlocking(Fd fd) {
    Descriptors.setNonBlocking(fd, true);
    return fd;
  }

  private static Stdio stdio(ContainerProcess process) {
    if (!process.terminal()) {
      return new Stdio.Passed();
    }
    var size = process.consoleSize();
    return size == null
        ? new Stdio.Terminal(0, 0)
        : new Stdio.Terminal(size.height(), size.width());
  }
}
