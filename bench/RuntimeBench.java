import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.cgroup.FavoredMoves;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.plan.Rootfs;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.task.BerthInit;
import dev.berth.runtime.task.Command;
import dev.berth.runtime.task.ExecSpec;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskIo;
import dev.berth.runtime.task.TaskSpec;
import dev.berth.runtime.task.Tasks;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Measures OCI runtimes side by side; see bench/runtime, which starts it. They take turns, round by
 * round, with one bundle. A shim of another's executes the program for each step, so what its
 * command line takes is what such a shim sees; Berth's shim calls the library that this JVM calls.
 */
class RuntimeBench {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int SPARES = 2; // as many as the shim has

  /** How many containers the library makes before anything counts: a shim has made some by then. */
  private static final int WARM_UP = 200;

  /** One runtime under measurement. */
  private interface Runtime {
    void createAndStart(String id) throws Exception;

    void exec(String id) throws Exception;

    /** Ends the container; not measured. */
    void kill(String id) throws Exception;

    void delete(String id) throws Exception;
  }

  /** A runtime by its command line; this JVM is the caller whose child the container becomes. */
  private record CommandLine(Path program, Path root, Path bundle) implements Runtime {
    @Override
    public void createAndStart(String id) throws Exception {
      run("create", "--bundle", bundle.toString(), "--pid-file", pidFile(id).toString(), id);
      run("start", id);
    }

    @Override
    public void exec(String id) throws Exception {
      run("exec", id, "/bin/true");
    }

    @Override
    public void kill(String id) throws Exception {
      int pid = Integer.parseInt(Files.readString(pidFile(id)).strip());
      try (Fd process = Processes.open(pid).orElseThrow()) {
        Processes.signal(process, 9);
        if (Processes.waitFor(process, LIMIT).isEmpty()) {
          throw new IllegalStateException(id + " does not end");
        }
      }
      Files.delete(pidFile(id));
    }

    @Override
    public void delete(String id) throws Exception {
      run("delete", id);
    }

    private Path pidFile(String id) {
      return root.resolveSibling(id + ".pid");
    }

    private void run(String... words) throws IOException, InterruptedException {
      var command = new ArrayList<>(List.of(program.toString(), "--root", root.toString()));
      command.addAll(List.of(words));
      int code = new ProcessBuilder(command)
          .redirectInput(new File("/dev/null"))
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(ProcessBuilder.Redirect.INHERIT)
          .start()
          .waitFor();
      if (code != 0) {
        throw new IllegalStateException(command + " ended with " + code);
      }
    }
  }

  /** The library as Berth's shim uses it. */
  private static final class Library implements Runtime {
    private final Tasks tasks;
    private final Path bundle;
    private final RuntimeSpec spec;
    private final ContainerProcess command;
    private final Map<String, Task> running = new LinkedHashMap<>();

    Library(Tasks tasks, Path bundle) throws IOException {
      this.tasks = tasks;
      this.bundle = bundle;
      this.spec = RuntimeSpec.parse(Files.readAllBytes(bundle.resolve("config.json")));
      this.command = spec.process().toBuilder().args(List.of("/bin/true")).build();
    }

    @Override
    public void createAndStart(String id) {
      Rootfs rootfs = new Rootfs.Directory(bundle.resolve("rootfs").toString());
      Task task = tasks.create(new TaskSpec(id, bundle, spec, rootfs, new TaskIo.Log(null)));
      running.put(id, task);
      task.start();
    }

    @Override
    public void exec(String id) {
      var io = new TaskIo.Pipes(null, null, null);
      var operation = dev.berth.base.Operation.internal("bench");
      try (Command process = running.get(id).startCommand(new ExecSpec("e", command, io), operation)) {
        if (process.await(LIMIT).orElseThrow().code() != 0) {
          throw new IllegalStateException("true failed");
        }
      }
    }

    @Override
    public void kill(String id) {
      running.get(id).kill(9, false);
      running.get(id).await(LIMIT).orElseThrow();
    }

    @Override
    public void delete(String id) {
      running.remove(id).delete();
    }
  }

  private final Map<String, Map<String, List<Double>>> millis = new LinkedHashMap<>();

  /** BUNDLE WORK ROUNDS BERTH-INIT NAME=PROGRAM... */
  public static void main(String[] arguments) throws Exception {
    Processes.becomeSubreaper();
    Path bundle = Path.of(arguments[0]);
    Path work = Path.of(arguments[1]);
    int rounds = Integer.parseInt(arguments[2]);
    Cgroups cgroups = Cgroups.detect();
    try (var _ = FavoredMoves.hold(cgroups);
        var init = BerthInit.open(Path.of(arguments[3]));
        var tasks = new Tasks(work.resolve("library"), init, cgroups, SPARES)) {
      Map<String, Runtime> runtimes = new LinkedHashMap<>();
      var library = new Library(tasks, bundle);
      warmUp(library);
      runtimes.put("berth, library", library);
      for (String nameAndProgram : Arrays.copyOfRange(arguments, 4, arguments.length)) {
        String[] parts = nameAndProgram.split("=", 2);
        Path root = work.resolve(parts[0]);
        runtimes.put(parts[0], new CommandLine(Path.of(parts[1]), root, bundle));
      }
      new RuntimeBench().measure(runtimes, rounds);
    }
  }

  private static void warmUp(Library library) throws Exception {
    for (int i = 0; i < WARM_UP; i++) {
      library.createAndStart("warm");
      library.exec("warm");
      library.kill("warm");
      library.delete("warm");
    }
  }

  private void measure(Map<String, Runtime> runtimes, int rounds) throws Exception {
    for (int round = -Math.max(3, rounds / 10); round < rounds; round++) { // the first do not count
      for (var entry : runtimes.entrySet()) {
        String id = "bench-" + ProcessHandle.current().pid() + "-" + Math.abs(round);
        Runtime runtime = entry.getValue();
        var figures = round < 0
            ? new LinkedHashMap<String, List<Double>>()
            : millis.computeIfAbsent(entry.getKey(), _ -> new LinkedHashMap<>());
        measured(figures, "create+start", () -> runtime.createAndStart(id));
        measured(figures, "exec", () -> runtime.exec(id));
        runtime.kill(id);
        measured(figures, "delete", () -> runtime.delete(id));
      }
    }
    print();
  }

  /** What is measured. */
  private interface Step {
    void run() throws Exception;
  }

  private static void measured(Map<String, List<Double>> figures, String what, Step step)
      throws Exception {
    long begun = System.nanoTime();
    step.run();
    figures.computeIfAbsent(what, _ -> new ArrayList<>()).add((System.nanoTime() - begun) / 1e6);
  }

  private void print() {
    millis.forEach((name, figures) -> figures.forEach((what, values) ->
        System.out.printf(Locale.ROOT, "%-15s %-13s n=%d p50 %.1f ms, p99 %.1f ms%n",
            name, what, values.size(), percentile(values, 50), percentile(values, 99))));
    for (String ours : List.of("berth, library", "berth")) {
      millis.forEach((name, figures) -> {
        if (!name.startsWith("berth")) {
          figures.forEach((what, values) -> System.out.printf(Locale.ROOT,
              "%s / %s, %s: p50 %.2f, p99 %.2f%n", name, ours, what,
              percentile(values, 50) / percentile(millis.get(ours).get(what), 50),
              percentile(values, 99) / percentile(millis.get(ours).get(what), 99)));
        }
      });
    }
  }

  private static double percentile(List<Double> values, int percent) {
    List<Double> sorted = values.stream().sorted().toList();
    return sorted.get(Math.max(0, (int) Math.ceil(sorted.size() * percent / 100.0) - 1));
  }
}
