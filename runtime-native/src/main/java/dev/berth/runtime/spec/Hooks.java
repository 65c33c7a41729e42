package dev.berth.runtime.spec;

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
  public Hooks {
    prestart = Absent.list(prestart);
    createRuntime = Absent.list(createRuntime);
    createContainer = Absent.list(createContainer);
    startContainer = Absent.list(startContainer);
    poststart = Absent.list(poststart);
    poststop = Absent.list(poststop);
  }

  /**
   * One program.
   *
   * @param path absolute path
   * @param args argument vector, {@code args[0]} included
   * @param env the whole environment
   * @param timeout seconds until it is killed
   */
  public record Hook(String path, List<String> args, List<String> env, @Nullable Integer timeout) {
    public Hook {
      path = Absent.required(path);
      args = Absent.list(args);
      env = Absent.list(env);
    }
  }
}
