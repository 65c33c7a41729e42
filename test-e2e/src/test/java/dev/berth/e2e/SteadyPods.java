package dev.berth.e2e;

import dev.berth.proto.cri.v1.PodSandboxConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Many pods with one container each that does nothing, made and asked a few at a time. */
final class SteadyPods {
  private static final int AT_A_TIME = 4;

  /** One of them. */
  record SteadyPod(PodSandboxConfig config, String podId, String containerId) {}

  private SteadyPods() {}

  /** Runs so many pods. */
  static List<SteadyPod> run(Pods pods, String image, int count) throws Exception {
    List<Callable<SteadyPod>> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      PodSandboxConfig config = pods.config("steady-" + i);
      all.add(() -> {
        String pod = pods.run(config);
        return new SteadyPod(config, pod, launch(pods, pod, config, image, 0));
      });
    }
    return together(all);
  }

  /** Launches the container of a pod, which ends when it is asked to. */
  static String launch(Pods pods, String pod, PodSandboxConfig config, String image, int attempt) {
    String script = "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done";
    var container = Pods.shell("main", image, script).toBuilder().clearLogPath();
    container.getMetadataBuilder().setAttempt(attempt);
    return pods.launch(pod, config, container.build());
  }

  /** Makes all calls, a few at a time, and returns what they return. */
  static <T> List<T> together(List<Callable<T>> calls) throws Exception {
    try (ExecutorService callers = Executors.newFixedThreadPool(AT_A_TIME)) {
      List<T> results = new ArrayList<>();
      for (Future<T> result : callers.invokeAll(calls)) {
        results.add(result.get());
      }
      return results;
    }
  }
}
