package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.google.protobuf.Empty;
import com.google.protobuf.MessageLite;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.shim.berth.v1.AboutResponse;
import dev.berth.proto.shim.berth.v1.HandOverRequest;
import dev.berth.proto.shim.berth.v1.LocateRequest;
import dev.berth.proto.shim.berth.v1.LocateResponse;
import dev.berth.proto.shim.berth.v1.ReopenLogRequest;
import dev.berth.proto.shim.berth.v1.RunRequest;
import dev.berth.proto.shim.berth.v1.RunResponse;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.SpecValidator;
import dev.berth.runtime.task.ExecSpec;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskProcess;
import dev.berth.shim.ttrpc.TtrpcCall;
import dev.berth.shim.ttrpc.TtrpcService;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Berth's additions to the task API; see extension.proto. */
final class ExtensionService {
  private static final System.Logger LOG = System.getLogger(ExtensionService.class.getName());

  /** How long a killed process may take to be gone. */
  private static final Duration KILL_LIMIT = Duration.ofSeconds(5);

  /** See extension.proto. */
  private static final int PROTOCOL = 2;

  private static final Duration MOST_PATIENCE = Duration.ofMinutes(1);

  private final ShimTasks tasks;
  private final EventLoop loop;
  private final CallGate gate;
  private final Runnable shutdown;

  /**
   * @param gate of all calls that this shim answers
   * @param shutdown ends the shim, and no container
   */
  ExtensionService(ShimTasks tasks, EventLoop loop, CallGate gate, Runnable shutdown) {
    this.tasks = tasks;
    this.loop = loop;
    this.gate = gate;
    this.shutdown = shutdown;
  }

  TtrpcService service() {
    return TtrpcService.named("dev.berth.shim.v1.Extension")
        .unary("ReopenLog", ReopenLogRequest.parser(), gate.before(this::reopenLog))
        .unary("Run", RunRequest.parser(), gate.before(this::run))
        .unary("Locate", LocateRequest.parser(), gate.before(this::locate))
        .unary("About", Empty.parser(), (_, _) -> about())
        .unary("HandOver", HandOverRequest.parser(), this::handOver)
        .build();
  }

  private static MessageLite about() {
    return AboutResponse.newBuilder().setProtocol(PROTOCOL).setVersion(ShimMain.VERSION).build();
  }

  private MessageLite handOver(TtrpcCall call, HandOverRequest request)
      throws InterruptedException {
    Duration asked = Duration.ofNanos(request.getPatienceNano());
    int left = gate.close(asked.compareTo(MOST_PATIENCE) < 0 ? asked : MOST_PATIENCE);
    LOG.log(left == 0 ? INFO : WARNING, () -> "handing over, with " + left + " calls in progress");
    shutdown.run();
    return Empty.getDefaultInstance();
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
    CommandRun run = CommandRun.begin(task.task(), command(task, request), loop, call.operation());
    call.operation().onCancel(run::kill);
    TaskExit exit =
        await(run, call.operation().remaining(Duration.ofNanos(request.getTimeoutNano())));
    if (call.operation().isCancelled()) {
      throw new BerthException(CANCELLED, "the command was killed"); // how it ended is our doing
    }
    return RunResponse.newBuilder().setExitStatus(exit.code()).build();
  }

  private static ExecSpec command(ShimTask task, RunRequest request) {
    var stdio = new Stdio("", request.getStdout(), request.getStderr(), false);
    ContainerProcess process =
        task.task().process().toBuilder()
            .args(request.getArgsList())
            .terminal(false)
            .consoleSize(null)
            .build();
    SpecValidator.validateProcess("process", process);
    return new ExecSpec(request.getExecId(), process, stdio.toTaskIo());
  }

  /** When the caller learns that the time is over, the process is gone. */
  private static TaskExit await(CommandRun run, Duration limit) throws InterruptedException {
    try {
      return run.ended().get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      run.kill();
      awaitKilled(run);
      throw new BerthException(DEADLINE_EXCEEDED, "the process has not ended in time", e);
    } catch (ExecutionException e) {
      throw failure(e);
    } catch (InterruptedException e) {
      run.kill();
      throw e;
    }
  }

  private static void awaitKilled(CommandRun run) throws InterruptedException {
    try {
      var _ = run.ended().get(KILL_LIMIT.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      LOG.log(WARNING, "a killed command does not end", e);
    } catch (ExecutionException e) {
      throw failure(e);
    }
  }

  private static RuntimeException failure(ExecutionException failed) {
    return failed.getCause() instanceof RuntimeException known
        ? known
        : new IllegalStateException("a command could not be run", failed.getCause());
  }
}
