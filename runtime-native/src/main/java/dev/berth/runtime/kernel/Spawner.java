package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import jnr.ffi.LibraryLoader;

/**
 * Starts programs with posix_spawn(3): the JVM itself is never forked, only a child that shares its
 * memory until exec.
 *
 * <p>The child starts clean: no signal blocked, every signal at its default (the JVM ignores and
 * blocks some), the given environment and nothing of the JVM's, and of the JVM's descriptors only
 * those that were mapped. Nearly all of the JVM's own lack close-on-exec, so the child closes what
 * is above the mapped ones before exec. Resource limits and the working directory are inherited.
 *
 * <p>A builder for one spawn; not thread-safe. Spawning takes some 0.1 ms and may be done on any
 * thread.
 */
public final class Spawner {
  /** What JNR binds. Public because JNR implements it from another class loader. */
  public interface SpawnCalls {
    // The seventh argument is padding: with exactly six integers JNR-FFI corrupts the last one.
    int posix_spawn(long pid, long path, long actions, long attr, long argv, long envp, long pad);

    int posix_spawn_file_actions_init(long actions);

    int posix_spawn_file_actions_destroy(long actions);

    int posix_spawn_file_actions_adddup2(long actions, int from, int to);

    int posix_spawn_file_actions_addclose(long actions, int number);

    int posix_spawn_file_actions_addopen(long actions, int number, long path, int flags, int mode);

    /** Since glibc 2.34. */
    int posix_spawn_file_actions_addclosefrom_np(long actions, int from);

    int posix_spawnattr_init(long attr);

    int posix_spawnattr_setflags(long attr, short flags);

    int posix_spawnattr_setsigmask(long attr, long signals);

    int posix_spawnattr_setsigdefault(long attr, long signals);
  }

  private static final SpawnCalls CALLS = LibraryLoader.create(SpawnCalls.class).load("c");

  // spawn.h of glibc: 80 and 336 bytes on 64-bit machines, with room to spare
  private static final int SIZE_OF_FILE_ACTIONS = 512;
  private static final int SIZE_OF_ATTRIBUTES = 512;
  private static final int SIZE_OF_SIGSET = 128;
  private static final short POSIX_SPAWN_SETPGROUP = 0x02;
  private static final short POSIX_SPAWN_SETSIGDEF = 0x04;
  private static final short POSIX_SPAWN_SETSIGMASK = 0x08;
  private static final short POSIX_SPAWN_SETSID = 0x80;

  /** Made once and only read afterwards. */
  private static final NativeMemory CLEAN_SIGNALS = cleanSignals((short) 0);

  /**
   * The same, and the child leads a process group of its own: the group's number is preset to 0.
   */
  private static final NativeMemory OWN_GROUP = cleanSignals(POSIX_SPAWN_SETPGROUP);

  private static final NativeMemory OWN_SESSION = cleanSignals(POSIX_SPAWN_SETSID);

  /** Leaves room for any target a caller may sensibly choose. */
  private static final int MAX_TARGET = 255;

  private final Fd program;
  private final List<String> arguments;
  private Map<String, String> environment = Map.of();
  private final TreeMap<Integer, Fd> descriptors = new TreeMap<>();
  private NativeMemory attributes = CLEAN_SIGNALS;

  private Spawner(Fd program, List<String> arguments) {
    this.program = program;
    this.arguments = List.copyOf(arguments);
  }

  /** A started child that must be reaped: by {@link Processes#reap} on its pidfd. */
  public record Child(int pid, Fd pidfd) {}

  /**
   * Prepares to run an open program, for example a {@link SealedProgram}.
   *
   * @param program stays the caller's, who keeps it open until {@link #spawn} has returned
   * @param arguments the whole vector, {@code argv[0]} included
   */
  public static Spawner of(Fd program, List<String> arguments) {
    if (arguments.isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, "spawn: the argument vector is empty");
    }
    return new Spawner(program, arguments);
  }

  /** Sets the whole environment; without it there is none. */
  public Spawner environment(Map<String, String> values) {
    environment = Map.copyOf(values);
    return this;
  }

  /** Makes the child the leader of a process group, for {@link Processes#killGroup}. */
  public Spawner ownProcessGroup() {
    attributes = OWN_GROUP;
    return this;
  }

  /** Makes the child the leader of a session, and in it of a process group. */
  public Spawner ownSession() {
    attributes = OWN_SESSION;
    return this;
  }

  /**
   * Gives the child a descriptor under a number of its own. A standard stream that is not given is
   * /dev/null.
   *
   * @param target 0 to 255
   * @param source stays the caller's, who keeps it open until {@link #spawn} has returned
   */
  public Spawner descriptor(int target, Fd source) {
    if (target < 0 || target > MAX_TARGET) {
      throw new BerthException(INVALID_ARGUMENT, "spawn: no descriptor can become " + target);
    }
    descriptors.put(target, source);
    return this;
  }

  /**
   * Starts the program.
   *
   * <p>On return the exec has succeeded. The program finds, above the descriptors it was given, one
   * more: itself, read-only, which is how exec found it.
   *
   * @return the child; the caller closes its pidfd and reaps it
   * @throws NativeException if the program cannot be executed, or ENOMEM or EAGAIN
   */
  public Child spawn() {
    // Copies with high numbers: no dup2 in the child can then overwrite a source still needed.
    List<Fd> sources = new ArrayList<>();
    try {
      for (Fd source : descriptors.values()) {
        sources.add(high(source));
      }
      Fd highProgram = high(program);
      sources.add(highProgram);
      return spawn(sources);
    } finally {
      sources.forEach(Fd::close);
    }
  }

  private static Fd high(Fd source) {
    return Fd.own(
        Syscalls.check(
            "fcntl", source, source.number(), FcntlCommands.F_DUPFD_CLOEXEC, MAX_TARGET + 2));
  }

  private Child spawn(List<Fd> sources) {
    int programTarget = Math.max(3, descriptors.isEmpty() ? 0 : descriptors.lastKey() + 1);
    List<Integer> targets = new ArrayList<>(descriptors.keySet());
    targets.add(programTarget);
    try (var actions = FileActions.create()) {
      for (int i = 0; i < targets.size(); i++) {
        actions.duplicate(sources.get(i).number(), targets.get(i));
      }
      for (int unused = 0; unused < programTarget; unused++) {
        if (!descriptors.containsKey(unused)) {
          actions.discard(unused);
        }
      }
      actions.closeFrom(programTarget + 1);
      return spawn(actions, "/proc/self/fd/" + programTarget);
    }
  }

  private Child spawn(FileActions actions, String path) {
    List<String> variables =
        environment.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList();
    try (var pid = NativeMemory.allocate(4);
        var text = NativeMemory.string(path);
        var argv = StringVector.of(arguments);
        var envp = StringVector.of(variables)) {
      int error =
          CALLS.posix_spawn(
              pid.address(),
              text.address(),
              actions.address(),
              attributes.address(),
              argv.address(),
              envp.address(),
              0);
      succeed("posix_spawn", arguments.getFirst(), error);
      return adopt(pid.getInt(0));
    }
  }

  /** The child is unreaped, so its number still means it. */
  private static Child adopt(int pid) {
    Syscalls.Result result = Syscalls.call(Descriptors.number("pidfd_open"), pid, 0);
    if (result.failed()) { // out of descriptors: without a pidfd nobody could ever reap it
      Syscalls.call(Descriptors.number("kill"), pid, 9);
      Syscalls.call(Descriptors.number("wait4"), pid, 0, 0, 0);
      throw new NativeException("pidfd_open", "spawned pid " + pid, result.errno());
    }
    return new Child(pid, Fd.own(result.value()));
  }

  /** The posix_spawn family returns the error number instead of setting errno. */
  static void succeed(String call, Object subject, int error) {
    if (error != 0) {
      throw new NativeException(call, subject.toString(), error);
    }
  }

  private static NativeMemory cleanSignals(short moreFlags) {
    NativeMemory attributes = NativeMemory.allocate(SIZE_OF_ATTRIBUTES);
    byte[] all = new byte[SIZE_OF_SIGSET];
    Arrays.fill(all, (byte) 0xFF);
    try (var everySignal = NativeMemory.bytes(all);
        var noSignal = NativeMemory.allocate(SIZE_OF_SIGSET)) {
      long address = attributes.address();
      succeed("posix_spawnattr_init", "", CALLS.posix_spawnattr_init(address));
      succeed(
          "posix_spawnattr_setsigmask",
          "",
          CALLS.posix_spawnattr_setsigmask(address, noSignal.address()));
      succeed(
          "posix_spawnattr_setsigdefault",
          "",
          CALLS.posix_spawnattr_setsigdefault(address, everySignal.address()));
      succeed(
          "posix_spawnattr_setflags",
          "",
          CALLS.posix_spawnattr_setflags(
              address, (short) (POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | moreFlags)));
    }
    return attributes;
  }

  /** What the child does to its descriptors before exec, in order. */
  private record FileActions(NativeMemory block) implements AutoCloseable {
    private static final int O_RDWR = 2;

    static FileActions create() {
      NativeMemory block = NativeMemory.allocate(SIZE_OF_FILE_ACTIONS);
      succeed(
          "posix_spawn_file_actions_init",
          "",
          CALLS.posix_spawn_file_actions_init(block.address()));
      return new FileActions(block);
    }

    long address() {
      return block.address();
    }

    void duplicate(int from, int to) {
      succeed(
          "posix_spawn_file_actions_adddup2",
          from + " to " + to,
          CALLS.posix_spawn_file_actions_adddup2(address(), from, to));
    }

    /** A standard stream must be open, or the first file the program opens would become it. */
    void discard(int number) {
      if (number > 2) {
        succeed(
            "posix_spawn_file_actions_addclose",
            number,
            CALLS.posix_spawn_file_actions_addclose(address(), number));
        return;
      }
      try (var path = NativeMemory.string("/dev/null")) { // glibc keeps a copy
        succeed(
            "posix_spawn_file_actions_addopen",
            number,
            CALLS.posix_spawn_file_actions_addopen(address(), number, path.address(), O_RDWR, 0));
      }
    }

    void closeFrom(int number) {
      succeed(
          "posix_spawn_file_actions_addclosefrom_np",
          number,
          CALLS.posix_spawn_file_actions_addclosefrom_np(address(), number));
    }

    @Override
    public void close() {
      CALLS.posix_spawn_file_actions_destroy(address());
      block.close();
    }
  }
}
