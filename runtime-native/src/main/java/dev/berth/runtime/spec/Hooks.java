package dev.berth.runtime.spec;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Programs to run at points of the life cycle ({@code hooks}).
 *
 * @param prestart deprecated form of {@code createRuntime}
 * @param createRuntime in the runtime's namespaces, before pivot_root
 * @param createContainer in the container's namespaces, before pivot_root
 * @param startContainer in the container, before its program
 * @param poststart after the program was started
 * @param poststop after the container was deleted
 */
public record Hooks(
    List<Hook> prestart,
    List<Hook> createRuntime,
    List<Hook> createContainer,
    List<Hook> startContainer,
    List<Hook> poststart,
    List<Hook> poststop) {
  /** No hook at any point. */
  public static final Hooks NONE =
      new Hooks(List.of(), List.of(), List.of(), List.of(), List.of(), List.of());

  public Hooks {
    prestart = Absent.list(prestart);
    createRuntime = Absent.list(createRuntime);
    createContainer = Absent.list(createContainer);
    startContainer = Absent.list(startContainer);
    poststart = Absent.list(poststart);
    poststop = Absent.list(poststop);
  }

  /** Returns the hooks of a spec, which may have none. */
  public static Hooks of(@Nullable Hooks hooks) {
    return hooks == null ? NONE : hooks;
  }

  /** True if there is none at any point. */
  public boolean isEmpty() {
    return equals(NONE);
  }

  /** True if any runs before the container's root is changed. */
  public boolean anyBeforePivot() {
    return !prestart.isEmpty() || !createRuntime.isEmpty() || !createContainer.isEmpty();
  }

  /** Returns how long these may take one after another. */
  public static Duration limit(List<Hook> hooks) {
    return hooks.stream().map(Hook::limit).reduce(Duration.ZERO, Duration::plus);
  }

  /**
   * One program.
   *
   * @param path absolute path
   * @param args argument vector, {@code args[0]} included; empty for the path alone
   * @param env the whole environment
   * @param timeout seconds until it is killed
   */
  public record Hook(String path, List<String> args, List<String> env, @Nullable Integer timeout) {
    /** The specification knows hooks without a limit; whoever waits for the container does not. */
    private static final Duration DEFAULT_LIMIT = Duration.ofMinutes(2);

    private static final Duration MAX_LIMIT = Duration.ofDays(1);

    public Hook {
      path = Absent.required(path);
      args = Absent.list(args);
      env = Absent.list(env);
    }

    /** Returns how long it may run: its timeout, at most a day; two minutes without one. */
    public Duration limit() {
      if (timeout == null) {
        return DEFAULT_LIMIT;
      }
      Duration given = Duration.ofSeconds(timeout);
      return given.compareTo(MAX_LIMIT) > 0 ? MAX_LIMIT : given;
    }

    /** Returns the argument vector, which is never empty. */
    public List<String> arguments() {
      return args.isEmpty() ? List.of(path) : args;
    }
  }
}
