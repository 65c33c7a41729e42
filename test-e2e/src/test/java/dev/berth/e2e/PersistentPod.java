package dev.berth.e2e;

import dev.berth.base.AtomicFiles;
import dev.berth.e2e.FaultLedger.Promise;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ContainerStatus;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.PodSandbox;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.proto.cri.v1.ReopenContainerLogRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A pod with one {@link NumberedWriter}, led through its life by someone who goes on where a fault
 * has stopped him, as a kubelet does. Used by one thread.
 */
final class PersistentPod {
  private static final String START_ERROR = "StartError";
  private static final int NOBODY_KNOWS = 255;
  private static final int STOP_SECONDS = 60;
  private static final Duration BETWEEN_TRIES = Duration.ofMillis(40);
  private static final String CONTAINER = "writer";

  private final FaultyNode node;
  private final Pods pods;
  private final FaultLedger ledger;
  private final Persistence persistence;
  private final String name;
  private final boolean shared;
  private final Path logs;
  private final List<Path> rotated = new ArrayList<>();
  private PodSandboxConfig config;
  private String podId = "";
  private String containerId = "";
  private String logName = "";
  private int launches;

  /**
   * Makes nothing yet.
   *
   * @param shared whether its containers share a pid namespace, and so have a pause
   */
  PersistentPod(FaultyNode node, FaultLedger ledger, String name, boolean shared) {
    this.node = node;
    this.pods = node.pods();
    this.ledger = ledger;
    this.persistence = new Persistence(ledger);
    this.name = name;
    this.shared = shared;
    this.logs = node.podLogs().resolve(name);
    this.config = config(0);
  }

  private PodSandboxConfig config(int attempt) {
    PodSandboxConfig plain = shared ? pods.configWithPause(name) : pods.config(name);
    PodSandboxConfig.Builder made = plain.toBuilder().setLogDirectory(logs.toString());
    made.getMetadataBuilder().setAttempt(attempt);
    return made.build();
  }

  String containerId() {
    return containerId;
  }

  @Override
  public String toString() {
    return name + " (" + containerId + ")";
  }

  /** Runs the sandbox, in as many attempts as it takes. */
  void up() {
    for (int attempt = 0; podId.isEmpty(); attempt++) {
      config = config(attempt);
      podId = persistence.attempt("RunPodSandbox", this::run).or(this::whatCameOfIt).orElse("");
    }
    ledger.podIsUp(podId);
    ledger.count("pods run");
  }

  private String run() {
    try {
      return pods.run(config);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The answer may have been lost and not the sandbox; what is half made is removed. */
  private Optional<String> whatCameOfIt() {
    Optional<String> ready = Optional.empty();
    for (PodSandbox found : persistence.insist("ListPodSandbox", this::sandboxes)) {
      if (found.getState() == PodSandboxState.SANDBOX_READY
          && found.getMetadata().equals(config.getMetadata())) {
        ready = Optional.of(found.getId());
      } else {
        persistence.insist("RemovePodSandbox", () -> pods.remove(found.getId()));
      }
    }
    return ready;
  }

  private List<PodSandbox> sandboxes() {
    var all = node.berth().runtime().listPodSandbox(ListPodSandboxRequest.getDefaultInstance());
    return all.getItemsList().stream()
        .filter(pod -> pod.getMetadata().getName().equals(name))
        .toList();
  }

  /** Creates and starts the writer; one whose start failed is replaced. */
  void launch(NumberedWriter writer) {
    do {
      logName = CONTAINER + "." + ++launches + ".log"; // one that is replaced may have written
      ContainerConfig.Builder container =
          Pods.shell(CONTAINER, node.image(), writer.script()).toBuilder().setLogPath(logName);
      containerId = create(container.build());
    } while (!start(writer));
    ledger.count("containers run");
  }

  private String create(ContainerConfig container) {
    while (true) {
      Optional<String> created =
          persistence
              .attempt("CreateContainer", () -> pods.create(podId, config, container))
              .or(() ->
                  persistence.insist("ListContainers", () -> pods.containersOf(podId)).stream()
                      .findFirst());
      if (created.isPresent()) {
        return created.get();
      }
      requireReady();
    }
  }

  private void requireReady() {
    boolean ready =
        persistence.insist("ListPodSandbox", this::sandboxes).stream()
            .anyMatch(pod -> pod.getState() == PodSandboxState.SANDBOX_READY);
    if (!ready) {
      throw new IllegalStateException("sandbox " + podId + " is not ready any more");
    }
    Pauses.of(BETWEEN_TRIES);
  }

  /** Returns whether it was started; removes it if it was not and never will be. */
  private boolean start(NumberedWriter writer) {
    while (true) {
      boolean answered =
          persistence
              .attempt(
                  "StartContainer",
                  () -> {
                    pods.start(containerId);
                    return true;
                  })
              .orElse(false);
      ContainerStatus status = status();
      boolean hasRun =
          status.getState() == ContainerState.CONTAINER_EXITED
              && status.getExitCode() == writer.exitCode(); // nobody knows since when
      if (answered || hasRun || status.getStartedAt() != 0) {
        return true;
      }
      switch (status.getState()) {
        case CONTAINER_EXITED -> {
          removeUnstarted(status);
          return false;
        }
        case CONTAINER_UNKNOWN -> {
          ledger.count("containers whose creation could not be undone at once");
          persistence.insist("RemoveContainer", () -> pods.removeContainer(containerId));
          return false;
        }
        default -> Pauses.of(BETWEEN_TRIES);
      }
    }
  }

  private void removeUnstarted(ContainerStatus status) {
    ledger.count("containers that ended before their start: " + status.getReason());
    if (!status.getReason().equals(START_ERROR) && !ledger.lostItsStub(containerId)) {
      ledger.broken(Promise.NO_LOST_CONTAINER, this + " ended before its start: " + text(status));
    }
    persistence.insist("RemoveContainer", () -> pods.removeContainer(containerId));
  }

  private static String text(ContainerStatus status) {
    return "%s %d %s %s, started at %s"
        .formatted(
            status.getState(),
            status.getExitCode(),
            status.getReason(),
            status.getMessage(),
            status.getStartedAt());
  }

  private ContainerStatus status() {
    return persistence.insist("ContainerStatus", () -> pods.status(containerId));
  }

  /** Renames the log, and has it opened again. */
  void rotate() {
    Path log = log();
    Path old = log.resolveSibling(log.getFileName() + "." + rotated.size());
    try {
      Files.move(log, old);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    rotated.add(old);
    var request = ReopenContainerLogRequest.newBuilder().setContainerId(containerId).build();
    while (persistence
            .attempt("ReopenContainerLog", () -> node.berth().runtime().reopenContainerLog(request))
            .isEmpty()
        && status().getState() == ContainerState.CONTAINER_RUNNING) {
      Pauses.of(BETWEEN_TRIES);
    }
    ledger.count("logs rotated");
  }

  private Path log() {
    return logs.resolve(logName);
  }

  /** Runs a command that answers what is known; it may be refused, but not answer anything else. */
  void exec(String word, int exitCode) {
    String script = "echo " + word + "; exit " + exitCode;
    persistence
        .attempt("ExecSync", () -> pods.exec(containerId, 20, "sh", "-c", script))
        .ifPresent(answer -> {
          ledger.count("commands answered");
          if (answer.getExitCode() != exitCode
              || !answer.getStdout().toStringUtf8().equals(word + "\n")) {
            ledger.broken(Promise.NO_WRONG_ANSWER, this + ": " + script + ": " + answer);
          }
        });
  }

  void stopContainer() {
    persistence.insist("StopContainer", () -> pods.stopContainer(containerId, STOP_SECONDS));
  }

  /** Waits for the end of the writer, and holds its exit code and its log against what is known. */
  void checkEnd(NumberedWriter writer) {
    persistence.await(
        this + " has ended", () -> status().getState() == ContainerState.CONTAINER_EXITED);
    ContainerStatus end = status();
    boolean orphaned = ledger.mayBeUnknown(containerId);
    if (end.getExitCode() == NOBODY_KNOWS && orphaned) {
      ledger.count("exit codes that nobody can know");
    } else if (end.getExitCode() != writer.exitCode()) {
      ledger.broken(
          Promise.NO_WRONG_EXIT_CODE, this + ": not " + writer.exitCode() + ": " + text(end));
    } else {
      ledger.count("exit codes checked");
    }
    List<Path> files = new ArrayList<>(rotated);
    if (Files.exists(log())) {
      files.add(log());
    }
    try {
      writer.check(files, toString(), orphaned, ledger);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Removes pod and logs. */
  void remove() {
    ledger.podMayGo(podId);
    persistence.insist("StopPodSandbox", () -> pods.stop(podId));
    persistence.insist("RemovePodSandbox", () -> pods.remove(podId));
    try {
      AtomicFiles.deleteTree(logs);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
