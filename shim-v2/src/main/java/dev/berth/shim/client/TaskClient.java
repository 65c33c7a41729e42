package dev.berth.shim.client;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.shim.berth.v1.AboutResponse;
import dev.berth.proto.shim.berth.v1.HandOverRequest;
import dev.berth.proto.shim.berth.v1.LocateRequest;
import dev.berth.proto.shim.berth.v1.LocateResponse;
import dev.berth.proto.shim.berth.v1.ReopenLogRequest;
import dev.berth.proto.shim.berth.v1.RunRequest;
import dev.berth.proto.shim.berth.v1.RunResponse;
import dev.berth.proto.shim.task.v3.CheckpointTaskRequest;
import dev.berth.proto.shim.task.v3.CloseIORequest;
import dev.berth.proto.shim.task.v3.ConnectRequest;
import dev.berth.proto.shim.task.v3.ConnectResponse;
import dev.berth.proto.shim.task.v3.CreateTaskRequest;
import dev.berth.proto.shim.task.v3.CreateTaskResponse;
import dev.berth.proto.shim.task.v3.DeleteRequest;
import dev.berth.proto.shim.task.v3.DeleteResponse;
import dev.berth.proto.shim.task.v3.ExecProcessRequest;
import dev.berth.proto.shim.task.v3.KillRequest;
import dev.berth.proto.shim.task.v3.PauseRequest;
import dev.berth.proto.shim.task.v3.PidsRequest;
import dev.berth.proto.shim.task.v3.PidsResponse;
import dev.berth.proto.shim.task.v3.ResizePtyRequest;
import dev.berth.proto.shim.task.v3.ResumeRequest;
import dev.berth.proto.shim.task.v3.ShutdownRequest;
import dev.berth.proto.shim.task.v3.StartRequest;
import dev.berth.proto.shim.task.v3.StartResponse;
import dev.berth.proto.shim.task.v3.StateRequest;
import dev.berth.proto.shim.task.v3.StateResponse;
import dev.berth.proto.shim.task.v3.StatsRequest;
import dev.berth.proto.shim.task.v3.StatsResponse;
import dev.berth.proto.shim.task.v3.UpdateTaskRequest;
import dev.berth.proto.shim.task.v3.WaitRequest;
import dev.berth.proto.shim.task.v3.WaitResponse;
import dev.berth.proto.shim.types.task.ProcessInfo;
import dev.berth.shim.ttrpc.Metadata;
import dev.berth.shim.ttrpc.TtrpcClient;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Speaks the task API, version 2 or 3, with one shim. Thread-safe; holds no connection of its own.
 *
 * <p>Every method throws BerthException: of the kind the shim answered (NOT_FOUND for an unknown
 * task or a finished process that is to be killed, ALREADY_EXISTS, FAILED_PRECONDITION, ...),
 * DEADLINE_EXCEEDED after {@code timeout}, UNAVAILABLE when the shim is gone.
 */
public final class TaskClient {
  /** How long the shim may take to kill a process whose time is over. */
  private static final Duration KILL_LIMIT = Duration.ofSeconds(10);

  private static final String EXTENSION = "dev.berth.shim.v1.Extension";

  /** How Berth's shim ends what it says of a call that came after it began to hand over. */
  private static final String REFUSAL = "nothing was done, and can be asked again";

  // The two versions are equal message for message: one set of classes serves both.
  private final String service;
  private final Function<Duration, TtrpcClient> connection;
  private final Metadata metadata;

  /**
   * @param version of the task API, 2 or 3
   * @param connection gives the live connection, or makes one within the time it is given
   */
  TaskClient(int version, Metadata metadata, Function<Duration, TtrpcClient> connection) {
    this.service = "containerd.task.v" + version + ".Task";
    this.metadata = metadata;
    this.connection = connection;
  }

  /** Returns a client that carries the operation's trace to the shim. */
  public TaskClient tracing(Operation operation) {
    String traceparent = operation.traceparent();
    if (traceparent == null) {
      return this;
    }
    int version = service.charAt("containerd.task.v".length()) - '0';
    return new TaskClient(version, metadata.with(Metadata.TRACEPARENT, traceparent), connection);
  }

  /** Prepares a container, its process waiting to be started. Returns the process's pid. */
  public int create(CreateTask task, Duration timeout) {
    var request =
        CreateTaskRequest.newBuilder()
            .setId(task.containerId())
            .setBundle(task.bundle().toString())
            .addAllRootfs(task.rootfs())
            .setTerminal(task.io().terminal())
            .setStdin(task.io().stdin())
            .setStdout(task.io().stdout())
            .setStderr(task.io().stderr());
    if (task.options() != null) {
      request.setOptions(task.options());
    }
    return call("Create", request.build(), CreateTaskResponse.parser(), timeout).getPid();
  }

  /** Registers an exec without running it: {@link #start} does. */
  public void exec(ExecTask exec, Duration timeout) {
    var request =
        ExecProcessRequest.newBuilder()
            .setId(exec.process().containerId())
            .setExecId(exec.process().execId())
            .setTerminal(exec.io().terminal())
            .setStdin(exec.io().stdin())
            .setStdout(exec.io().stdout())
            .setStderr(exec.io().stderr())
            .setSpec(TaskTypes.process(exec.processJson()))
            .build();
    call("Exec", request, Empty.parser(), timeout);
  }

  /** Runs a created container or exec; returns its pid when the program has been executed. */
  public int start(TaskProcess process, Duration timeout) {
    var request =
        StartRequest.newBuilder().setId(process.containerId()).setExecId(process.execId()).build();
    return call("Start", request, StartResponse.parser(), timeout).getPid();
  }

  /** Returns the state of a process. */
  public TaskState state(TaskProcess process, Duration timeout) {
    var request =
        StateRequest.newBuilder().setId(process.containerId()).setExecId(process.execId()).build();
    StateResponse state = call("State", request, StateResponse.parser(), timeout);
    return new TaskState(
        process,
        status(state.getStatus()),
        state.getPid(),
        state.getExitStatus(),
        state.hasExitedAt() ? TaskTypes.instant(state.getExitedAt()) : null);
  }

  private static TaskState.Status status(dev.berth.proto.shim.types.task.Status status) {
    return switch (status) {
      case CREATED -> TaskState.Status.CREATED;
      case RUNNING -> TaskState.Status.RUNNING;
      case STOPPED -> TaskState.Status.STOPPED;
      case PAUSED -> TaskState.Status.PAUSED;
      case PAUSING -> TaskState.Status.PAUSING;
      case UNKNOWN, UNRECOGNIZED -> TaskState.Status.UNKNOWN;
    };
  }

  /**
   * Sends a signal.
   *
   * @param all whether every process of the container gets it
   */
  public void kill(TaskProcess process, int signal, boolean all, Duration timeout) {
    var request =
        KillRequest.newBuilder()
            .setId(process.containerId())
            .setExecId(process.execId())
            .setSignal(signal)
            .setAll(all)
            .build();
    call("Kill", request, Empty.parser(), timeout);
  }

  /** Waits for the end of a process. It stays until {@link #delete}. */
  public TaskExit waitFor(TaskProcess process, Duration timeout) {
    return exit(call("Wait", waitRequest(process), WaitResponse.parser(), timeout));
  }

  /**
   * Returns a future of the end of a process, which fails with UNAVAILABLE when the connection is
   * lost before. Its stages run on a thread of their own.
   */
  public CompletableFuture<TaskExit> exit(TaskProcess process) {
    return connection
        .apply(Duration.ofSeconds(5))
        .start(service, "Wait", waitRequest(process), WaitResponse.parser(), metadata)
        .thenApply(TaskClient::exit);
  }

  private static WaitRequest waitRequest(TaskProcess process) {
    return WaitRequest.newBuilder()
        .setId(process.containerId())
        .setExecId(process.execId())
        .build();
  }

  private static TaskExit exit(WaitResponse response) {
    return new TaskExit(0, response.getExitStatus(), TaskTypes.instant(response.getExitedAt()));
  }

  /** Frees a stopped or never started process and returns how it ended. */
  public TaskExit delete(TaskProcess process, Duration timeout) {
    var request =
        DeleteRequest.newBuilder().setId(process.containerId()).setExecId(process.execId()).build();
    return exit(call("Delete", request, DeleteResponse.parser(), timeout));
  }

  static TaskExit exit(DeleteResponse response) {
    Instant at = TaskTypes.instant(response.getExitedAt());
    return new TaskExit(response.getPid(), response.getExitStatus(), at);
  }

  /** Sets the size of a process's terminal, in characters. */
  public void resizePty(TaskProcess process, int width, int height, Duration timeout) {
    var request =
        ResizePtyRequest.newBuilder()
            .setId(process.containerId())
            .setExecId(process.execId())
            .setWidth(width)
            .setHeight(height)
            .build();
    call("ResizePty", request, Empty.parser(), timeout);
  }

  /** Closes the shim's write end of a process's stdin, so that the process reads its end. */
  public void closeStdin(TaskProcess process, Duration timeout) {
    var request =
        CloseIORequest.newBuilder()
            .setId(process.containerId())
            .setExecId(process.execId())
            .setStdin(true)
            .build();
    call("CloseIO", request, Empty.parser(), timeout);
  }

  /** Returns the pids of all processes of a container, as the host sees them. */
  public List<Integer> pids(String containerId, Duration timeout) {
    var request = PidsRequest.newBuilder().setId(containerId).build();
    return call("Pids", request, PidsResponse.parser(), timeout).getProcessesList().stream()
        .map(ProcessInfo::getPid)
        .toList();
  }

  /**
   * Changes the limits of a running container.
   *
   * @param resourcesJson an OCI {@code linux.resources} object
   */
  public void update(
      String containerId,
      ByteString resourcesJson,
      Map<String, String> annotations,
      Duration timeout) {
    var request =
        UpdateTaskRequest.newBuilder()
            .setId(containerId)
            .setResources(TaskTypes.resources(resourcesJson))
            .putAllAnnotations(annotations)
            .build();
    call("Update", request, Empty.parser(), timeout);
  }

  /** Stops all processes of a running container where they are, until {@link #resume}. */
  public void pause(String containerId, Duration timeout) {
    call("Pause", PauseRequest.newBuilder().setId(containerId).build(), Empty.parser(), timeout);
  }

  /** Lets the processes of a paused container go on. */
  public void resume(String containerId, Duration timeout) {
    call("Resume", ResumeRequest.newBuilder().setId(containerId).build(), Empty.parser(), timeout);
  }

  /**
   * Dumps the processes of a container, which may be paused, and leaves them as they are.
   *
   * @param images absolute path of an existing directory, for CRIU's images
   * @param work the same for its log and figures
   */
  public void checkpoint(String containerId, Path images, Path work, Duration timeout) {
    var request =
        CheckpointTaskRequest.newBuilder()
            .setId(containerId)
            .setPath(images.toString())
            .setOptions(TaskTypes.checkpoint(images, work));
    call("Checkpoint", request.build(), Empty.parser(), timeout);
  }

  /**
   * Returns the container's figures: {@code io.containerd.cgroups.v1.Metrics} or {@code
   * io.containerd.cgroups.v2.Metrics}, by the type URL.
   */
  public Any stats(String containerId, Duration timeout) {
    var request = StatsRequest.newBuilder().setId(containerId).build();
    return call("Stats", request, StatsResponse.parser(), timeout).getStats();
  }

  /** Asks the shim who it is. */
  public ShimProcess connect(String containerId, Duration timeout) {
    var request = ConnectRequest.newBuilder().setId(containerId).build();
    ConnectResponse response = call("Connect", request, ConnectResponse.parser(), timeout);
    return new ShimProcess(response.getShimPid(), response.getTaskPid(), response.getVersion());
  }

  /** Asks the shim to end; one that still has containers goes on. */
  public void shutdown(String containerId, boolean now, Duration timeout) {
    var request = ShutdownRequest.newBuilder().setId(containerId).setNow(now).build();
    call("Shutdown", request, Empty.parser(), timeout);
  }

  /**
   * Makes the writer of a container's log go on in a new file; on return that file exists and the
   * old one gets no further line. UNIMPLEMENTED by a shim that is not Berth's.
   */
  public void reopenLog(String containerId, Path log, Duration timeout) {
    var request =
        ReopenLogRequest.newBuilder().setId(containerId).setLogPath(log.toString()).build();
    call(EXTENSION, "ReopenLog", request, Empty.parser(), timeout);
  }

  /**
   * Returns the directory by which {@link dev.berth.runtime.task.Attachment#open} attaches to a
   * process. It stays the same as long as the process does, also when the shim is replaced.
   * UNIMPLEMENTED by a shim that is not Berth's.
   */
  public Path locate(TaskProcess process, Duration timeout) {
    var request =
        LocateRequest.newBuilder().setId(process.containerId()).setExecId(process.execId()).build();
    return Path.of(
        call(EXTENSION, "Locate", request, LocateResponse.parser(), timeout).getDirectory());
  }

  /**
   * Runs a process that is like the container's first one in all but its arguments, from its start
   * to its end. Berth's shim alone; the process is killed when this caller or the shim goes away.
   *
   * @param process names it in errors
   * @param io without input and terminal
   * @param timeout after which it is killed
   * @return its exit code, or 128 and the number of the signal that ended it
   * @throws BerthException DEADLINE_EXCEEDED if it was, and is gone
   */
  public int run(TaskProcess process, TaskIo io, List<String> args, Duration timeout) {
    RunRequest request =
        RunRequest.newBuilder()
            .setId(process.containerId())
            .setExecId(process.execId())
            .addAllArgs(args)
            .setStdout(io.stdout())
            .setStderr(io.stderr())
            .setTimeoutNano(timeout.toNanos())
            .build();
    return call(EXTENSION, "Run", request, RunResponse.parser(), timeout.plus(KILL_LIMIT))
        .getExitStatus();
  }

  /** Returns what Berth's shim is. One that does not know the call is of the first protocol. */
  public ShimVersion about(Duration timeout) {
    int pid = connect("", timeout).shimPid();
    try {
      AboutResponse about =
          call(EXTENSION, "About", Empty.getDefaultInstance(), AboutResponse.parser(), timeout);
      return new ShimVersion(about.getProtocol(), about.getVersion(), pid);
    } catch (BerthException e) {
      if (e.kind() == BerthException.Kind.UNIMPLEMENTED) {
        return new ShimVersion(1, "", pid);
      }
      throw e;
    }
  }

  /**
   * Makes Berth's shim end without its containers; see extension.proto. The connection ends,
   * perhaps before the answer is there.
   *
   * @param patience for calls in progress
   */
  void handOver(Duration patience, Duration timeout) {
    var request = HandOverRequest.newBuilder().setPatienceNano(patience.toNanos()).build();
    try {
      call(EXTENSION, "HandOver", request, Empty.parser(), timeout);
    } catch (BerthException e) {
      if (e.kind() != BerthException.Kind.UNAVAILABLE) {
        throw e;
      }
    }
  }

  /**
   * Tells whether a call failed because Berth's shim is being replaced and did not begin with it:
   * it can be made again, once there is a successor. Any other UNAVAILABLE leaves open whether the
   * call was carried out.
   */
  public static boolean isRefusal(BerthException failure) {
    return failure.kind() == BerthException.Kind.UNAVAILABLE
        && String.valueOf(failure.getMessage()).endsWith(REFUSAL);
  }

  private <R extends MessageLite> R call(
      String method, MessageLite request, Parser<R> parser, Duration timeout) {
    return call(service, method, request, parser, timeout);
  }

  private <R extends MessageLite> R call(
      String target, String method, MessageLite request, Parser<R> parser, Duration timeout) {
    long start = System.nanoTime();
    TtrpcClient client = connection.apply(timeout);
    Duration left = timeout.minusNanos(System.nanoTime() - start);
    return client.call(target, method, request, parser, metadata, left);
  }
}
