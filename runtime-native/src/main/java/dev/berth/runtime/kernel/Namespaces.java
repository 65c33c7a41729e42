package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.util.Objects.requireNonNull;

import dev.berth.base.BerthException;
import dev.berth.base.Rollback;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

/**
 * Namespaces that live without a process, pinned by a mount of their file, and work inside a
 * network namespace.
 *
 * <p>The JVM itself enters none: whatever must be inside is done by a thread that is thrown away
 * (unshare and setns act on the calling thread). Mount, pid, user and cgroup namespaces cannot be
 * entered so; those are made by berth-init.
 */
public final class Namespaces {
  /** Those that a single thread of a process may leave and enter. */
  private static final Set<NamespaceType> PER_THREAD =
      EnumSet.of(NamespaceType.NETWORK, NamespaceType.IPC, NamespaceType.UTS);

  private static final long NS_GET_NSTYPE = Ioctl.none(0xb7, 3); // linux/nsfs.h

  private Namespaces() {}

  /**
   * Where a namespace is pinned.
   *
   * @param directory stays the caller's
   * @param name of a file that does not exist yet
   */
  public record Pin(DirFd directory, String name) {
    /** Checks that the name is one. */
    public Pin {
      DirFd.requireName(name);
    }
  }

  /**
   * Makes new namespaces together and pins each under its name, all or none of them.
   *
   * @param pins at least one; of the types NETWORK, IPC and UTS
   * @param setup runs inside the new namespaces before they can be seen: {@link NamespaceSetup}
   *     says what can be done there
   * @throws NativeException EEXIST if a name is taken; and whatever setup throws
   */
  public static void create(Map<NamespaceType, Pin> pins, Setup setup) {
    int flags = 0;
    for (NamespaceType type : pins.keySet()) {
      if (!PER_THREAD.contains(type)) {
        throw new BerthException(
            INVALID_ARGUMENT, "a " + type.specName() + " namespace cannot be made by a thread");
      }
      flags |= type.cloneFlag();
    }
    int all = flags;
    PlatformThreads.onThrowAwayThread(
        "berth-new-namespaces",
        () -> {
          Syscalls.check("unshare", pins.keySet(), all);
          setup.run(new NamespaceSetup(pins.keySet(), 0));
          pinAll(pins);
          return true;
        });
  }

  /** What is done inside new namespaces. */
  @FunctionalInterface
  public interface Setup {
    void run(NamespaceSetup inside);
  }

  private static void pinAll(Map<NamespaceType, Pin> pins) {
    try (var rollback = new Rollback()) {
      pins.forEach((type, pin) -> {
        createPinFile(pin);
        rollback.onFailure("unpin " + pin.name(), () -> unpin(pin.directory(), pin.name()));
        pinOwn(type, pin);
      });
      rollback.commit();
    }
  }

  private static void createPinFile(Pin pin) {
    pin.directory().createFile(pin.name(), 0444, OpenFlag.EXCLUSIVE).close();
  }

  /** thread-self, because self is the JVM's main thread, which stays where it is. */
  private static void pinOwn(NamespaceType type, Pin pin) {
    try (Fd namespace = Descriptors.open(Path.of("/proc/thread-self/ns", type.procName()))) {
      attach(namespace, pin);
    }
  }

  private static void attach(Fd namespace, Pin pin) {
    try (Fd tree = Mounts.cloneTree(namespace, false);
        Fd target = pinFile(pin)) {
      Mounts.attach(tree, target);
    }
  }

  /**
   * Pins namespaces that others made, of any type but MOUNT; all or none of them.
   *
   * @param namespaces open files of them, which stay the caller's
   * @param pins where each goes
   * @throws NativeException EEXIST if a name is taken
   */
  public static void pin(Map<NamespaceType, Fd> namespaces, Map<NamespaceType, Pin> pins) {
    try (var rollback = new Rollback()) {
      namespaces.forEach((type, namespace) -> {
        Pin pin = requireNonNull(pins.get(type), type::specName);
        createPinFile(pin);
        rollback.onFailure("unpin " + pin.name(), () -> unpin(pin.directory(), pin.name()));
        attach(namespace, pin);
      });
      rollback.commit();
    }
  }

  /**
   * Sets up namespaces that nobody uses yet, from a thread that enters them.
   *
   * @param namespaces of the types NETWORK, IPC and UTS; others are left alone
   * @param owner who is root in the user namespace that owns them, as the host calls that user:
   *     parameters of an ipc namespace may be written by that one only
   */
  public static void setUp(Map<NamespaceType, Fd> namespaces, long owner, Setup setup) {
    Map<NamespaceType, Fd> entered = new EnumMap<>(NamespaceType.class);
    entered.putAll(namespaces);
    entered.keySet().retainAll(PER_THREAD);
    PlatformThreads.onThrowAwayThread(
        "berth-set-up-namespaces",
        () -> {
          entered.forEach((type, namespace) ->
              Syscalls.check("setns", namespace, namespace.number(), type.cloneFlag()));
          setup.run(new NamespaceSetup(entered.keySet(), owner));
          return true;
        });
  }

  private static Fd pinFile(Pin pin) {
    return pin.directory()
        .resolve(
            pin.name(),
            EnumSet.of(DirFd.Resolve.BENEATH, DirFd.Resolve.NO_SYMLINKS),
            OpenFlag.PATH);
  }

  /**
   * Takes a pin off and removes its file. Idempotent. The namespace ends with its last user: not
   * necessarily now, and without anyone waiting for it.
   */
  public static void unpin(DirFd directory, String name) {
    while (Mounts.detach(directory, name)) {
      // until nothing is mounted there: a second mount would keep the namespace, and its file
    }
    try (var text = NativeMemory.string(name)) {
      Syscalls.Result result =
          Syscalls.call(Descriptors.number("unlinkat"), directory.fd().number(), text.address(), 0);
      if (!result.failedWith(Errno.ENOENT)) {
        Descriptors.checked("unlinkat", name, result);
      }
    }
  }

  /**
   * Opens a pinned namespace, closed by the caller.
   *
   * @throws BerthException FAILED_PRECONDITION if the name is no namespace of the type
   */
  public static Fd open(DirFd directory, String name, NamespaceType expected) {
    Fd fd =
        directory.resolve(
            DirFd.requireName(name), EnumSet.of(DirFd.Resolve.BENEATH, DirFd.Resolve.NO_SYMLINKS));
    return requireType(fd, name, expected);
  }

  /**
   * Opens a namespace by a path that only the host can write to, such as /proc/PID/ns/net.
   *
   * @throws BerthException FAILED_PRECONDITION if it is no namespace of the type
   */
  public static Fd open(Path path, NamespaceType expected) {
    return requireType(Descriptors.open(path), path.toString(), expected);
  }

  private static Fd requireType(Fd fd, String name, NamespaceType expected) {
    Syscalls.Result result = Syscalls.call(Descriptors.number("ioctl"), fd.number(), NS_GET_NSTYPE);
    boolean isExpected = !result.failed() && result.value() == expected.cloneFlag();
    if (isExpected) {
      return fd;
    }
    fd.close();
    String found =
        result.failed()
            ? "no namespace"
            : NamespaceType.ofCloneFlag(result.value())
                .map(type -> "a " + type.specName() + " namespace")
                .orElse("a namespace of an unknown type");
    throw new BerthException(
        FAILED_PRECONDITION,
        name + ": expected a " + expected.specName() + " namespace, found " + found);
  }

  /**
   * Runs {@code work} inside a network namespace, on a thread of its own that ends with it.
   *
   * <p>Sockets opened there belong to that namespace wherever they are used later. The work must
   * not start threads, which would inherit the namespace.
   */
  public static <T> T callInNetwork(Fd networkNamespace, Callable<T> work) {
    return PlatformThreads.onThrowAwayThread(
        "berth-in-netns",
        () -> {
          Syscalls.check(
              "setns",
              networkNamespace,
              networkNamespace.number(),
              NamespaceType.NETWORK.cloneFlag());
          return work.call();
        });
  }
}
