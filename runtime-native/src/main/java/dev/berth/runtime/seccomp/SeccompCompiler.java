package dev.berth.runtime.seccomp;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import dev.berth.runtime.spec.Seccomp;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Compiles profiles to filters and keeps those it has compiled: the containers of a node share a
 * handful of profiles.
 *
 * <p>Thread-safe.
 */
public final class SeccompCompiler {
  /** Enough for every profile of a sane node; past it the cache starts anew. */
  private static final int CACHED_PROFILES = 64;

  // linux/seccomp.h
  private static final int TSYNC = 1;
  private static final int NEW_LISTENER = 1 << 3;
  private static final int WAIT_KILLABLE_RECV = 1 << 5;

  private final Map<Seccomp, SeccompFilter> compiled = new ConcurrentHashMap<>();
  private final Abi host;

  /** Compiles for the machine this JVM runs on. */
  public SeccompCompiler() {
    this(Abi.host());
  }

  SeccompCompiler(Abi host) {
    this.host = host;
  }

  /**
   * Returns the filter of a profile. Call numbers of architectures that the profile does not list,
   * other than the machine's own, kill the process.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field of {@code linux.seccomp} that is
   *     wrong, or when the filter outgrows what the kernel takes
   */
  public SeccompFilter compile(Seccomp profile) {
    SeccompFilter known = compiled.get(profile);
    if (known != null) {
      return known;
    }
    SeccompFilter filter = compileAnew(profile);
    if (compiled.size() >= CACHED_PROFILES) {
      compiled.clear();
    }
    compiled.put(profile, filter);
    return filter;
  }

  private SeccompFilter compileAnew(Seccomp profile) {
    int flags = flags(profile.flags(), profile.notifies());
    byte[] program = FilterWriter.write(Policy.of(profile, host));
    SeccompFilter filter = new SeccompFilter(program, flags);
    if (filter.instructions() > FilterWriter.MAX_INSTRUCTIONS) {
      throw new BerthException(
          Kind.INVALID_ARGUMENT,
          "linux.seccomp: the profile compiles to "
              + filter.instructions()
              + " instructions, the kernel takes "
              + FilterWriter.MAX_INSTRUCTIONS);
    }
    return filter;
  }

  private static int flags(List<String> names, boolean notifies) {
    int flags = 0;
    for (int i = 0; i < names.size(); i++) {
      flags |= flag(names.get(i), i);
    }
    // The kernel refuses a flag of listeners without one, and TSYNC with one, which of a process
    // with one thread asks for nothing.
    return notifies ? (flags & ~TSYNC) | NEW_LISTENER : flags & ~WAIT_KILLABLE_RECV;
  }

  /** {@code SECCOMP_FILTER_FLAG_*} of {@code linux/seccomp.h}. */
  private static int flag(String name, int index) {
    return switch (name) {
      case "SECCOMP_FILTER_FLAG_TSYNC" -> TSYNC;
      case "SECCOMP_FILTER_FLAG_LOG" -> 1 << 1;
      case "SECCOMP_FILTER_FLAG_SPEC_ALLOW" -> 1 << 2;
      case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" -> WAIT_KILLABLE_RECV;
      default ->
          throw new BerthException(
              Kind.INVALID_ARGUMENT,
              "linux.seccomp.flags[" + index + "] \"" + Ids.printable(name) + "\" is not known");
    };
  }
}
