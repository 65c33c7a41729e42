package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.lang.System.Logger.Level.WARNING;

import com.google.protobuf.Empty;
import com.google.protobuf.MessageLite;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.shim.berth.v1.LocateRequest;
import dev.berth.proto.shim.berth.v1.LocateResponse;
import dev.berth.proto.shim.berth.v1.ReopenLogRequest;
import dev.berth.proto.shim.berth.v1.RunRequest;
import dev.berth.proto.shim.berth.v1.RunResponse;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.SpecValidator;
import dev.berth.runtime.task.ExecSpec;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskProcess;
import dev.berth.shim.ttrpc.TtrpcCall;
import dev.berth.shim.ttrpc.TtrpcService;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** Berth's additions to the task API; see extension.proto. */
final class ExtensionService {
  private static final System.Logger LOG = System.getLogger(ExtensionService.class.getName());
  private static final int SIGKILL = 9;

  /** How long a killed process may take to be gone. */
  private static final Duration KILL_LIMIT = Duration.ofSeconds(5);

  private final ShimTasks tasks;

  ExtensionService(ShimTasks tasks) {
    this.tasks = tasks;
  }

  TtrpcService service() {
    return TtrpcService.named("dev.berth.shim.v1.Extension")
        .unary("ReopenLog", ReopenLogRequest.parser(), this::reopenLog)
        .unary("Run", RunRequest.parser(), this::run)
        .unary("Locate", LocateRequest.parser(), this::locate)
        .build();
  }

  private MessageLite locate(TtrpcCall call, LocateRequest request) {
    ShimTask task = tasks.require(request.getId());
    TaskProcess process =
        request.getExecId().isEmpty()
            ? task.task()
            : task.requireExec(request.getExecId()).requireRunning().process();
    return LocateResponse.newBuilder().setDirectory(process.controlDirectory().toString()).build();
  }

  private MessageLite reopenLog(TtrpcCall call, ReopenLogRequest request) {
    Path log = Path.of(request.getLogPath());
    if (!log.isAbsolute()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "log_path: \"" + Ids.printable(request.getLogPath()) + "\" is not an absolute path");
    }
    tasks.require(request.getId()).task().reopenLog(log);
    return Empty.getDefaultInstance();
  }

  private MessageLite run(TtrpcCall call, RunRequest request) throws InterruptedException {
    ShimTask task = tasks.require(request.getId());
    var stdio =
        new Stdio(
            request.getStdin(), request.getStdout(), request.getStderr(), request.getTerminal());
    String execId = request.getExecId();
    ExecSpec spec =
        request.hasSpec()
            ? BundleReader.exec(execId, request.getSpec(), stdio)
            : likeFirst(task, request, stdio);
    task.addUnannouncedExec(spec, stdio);
    try {
      int pid = task.startExec(execId, call.operation());
      CompletableFuture<TaskExit> told = task.requireExec(execId).told();
      call.operation().onCancel(() -> told.cancel(false));
      Duration limit = call.operation().remaining(Duration.ofNanos(request.getTimeoutNano()));
      TaskExit exit = ExitWait.await(told, limit);
      return RunResponse.newBuilder()
          .setPid(pid)
          .setExitStatus(exit.code())
          .setExitedAt(Timestamps.of(exit.at()))
          .build();
    } finally {
      end(task, execId);
    }
  }

  private static ExecSpec likeFirst(ShimTask task, RunRequest request, Stdio stdio) {
    Ids.requireName("exec_id", request.getExecId());
    ContainerProcess process =
        task.task().process().toBuilder()
            .args(request.getArgsList())
            .terminal(stdio.terminal())
            .build();
    SpecValidator.validateProcess("process", process);
    return new ExecSpec(request.getExecId(), process, stdio.toTaskIo());
  }

  /** Nothing is left of it, also when its caller's time is over. */
  private static void end(ShimTask task, String execId) throws InterruptedException {
    try {
      ShimExec exec = task.requireExec(execId);
      boolean runs = exec.running().map(r -> r.exit().look().isEmpty()).orElse(false);
      if (runs) {
        task.killExec(execId, SIGKILL);
        ExitWait.await(exec.told(), KILL_LIMIT);
      }
      task.deleteExec(execId);
    } catch (BerthException e) {
      LOG.log(WARNING, "exec " + execId + " of container " + task.id() + " is not freed", e);
    }
  }
}
