package dev.berth.shim;

import com.google.protobuf.Any;
import com.google.protobuf.Empty;
import com.google.protobuf.MessageLite;
import dev.berth.base.Ids;
import dev.berth.proto.shim.runc.v1.ProcessDetails;
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
import dev.berth.proto.shim.types.task.Status;
import dev.berth.runtime.task.CreateTaskStage;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskProcess;
import dev.berth.shim.ttrpc.TtrpcCall;
import dev.berth.shim.ttrpc.TtrpcService;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The task API as this shim serves it: turns messages into calls of {@link ShimTasks} and back.
 *
 * <p>Versions 2 and 3 differ in the name of the service only, so one set of messages serves both.
 */
final class TaskService {
  private final ShimTasks tasks;
  private final Loggers loggers;
  private final Checkpoints checkpoints;
  private final CallGate gate;
  private final Runnable shutdown;

  /**
   * @param gate before all calls but those that wait for the end of a process, or ask who is there
   * @param shutdown ends the shim; called when it has no containers and is asked to
   */
  TaskService(
      ShimTasks tasks, Loggers loggers, Checkpoints checkpoints, CallGate gate, Runnable shutdown) {
    this.tasks = tasks;
    this.loggers = loggers;
    this.checkpoints = checkpoints;
    this.gate = gate;
    this.shutdown = shutdown;
  }

  /** Returns the service under the name of a version, 2 or 3. */
  TtrpcService version(int version) {
    return TtrpcService.named("containerd.task.v" + version + ".Task")
        .unary("Create", CreateTaskRequest.parser(), gate.before(this::create))
        .unary("Start", StartRequest.parser(), gate.before(this::start))
        .unary("State", StateRequest.parser(), gate.before(this::state))
        .unary("Exec", ExecProcessRequest.parser(), gate.before(this::exec))
        .unary("Kill", KillRequest.parser(), gate.before(this::kill))
        .unary("Wait", WaitRequest.parser(), this::await)
        .unary("Delete", DeleteRequest.parser(), gate.before(this::delete))
        .unary("ResizePty", ResizePtyRequest.parser(), gate.before(this::resizePty))
        .unary("CloseIO", CloseIORequest.parser(), gate.before(this::closeIo))
        .unary("Pids", PidsRequest.parser(), gate.before(this::pids))
        .unary("Connect", ConnectRequest.parser(), this::connect)
        .unary("Shutdown", ShutdownRequest.parser(), this::shutdown)
        .unary("Pause", PauseRequest.parser(), gate.before(this::pause))
        .unary("Resume", ResumeRequest.parser(), gate.before(this::resume))
        .unary("Checkpoint", CheckpointTaskRequest.parser(), gate.before(this::checkpoint))
        .unary("Update", UpdateTaskRequest.parser(), gate.before(this::update))
        .unary("Stats", StatsRequest.parser(), gate.before(this::stats))
        .build();
  }

  private MessageLite create(TtrpcCall call, CreateTaskRequest request) {
    Ids.requireName("id", request.getId());
    var stdio =
        new Stdio(
            request.getStdin(), request.getStdout(), request.getStderr(), request.getTerminal());
    call.operation().enter(CreateTaskStage.BUNDLE);
    Optional<LoggerProcess> logger = loggers.start(request.getId(), "", stdio);
    try {
      Stdio used = logger.map(process -> process.connect(stdio)).orElse(stdio);
      int pid = tasks.create(BundleReader.read(request, used), stdio, call.operation());
      logger.ifPresent(process -> {
        var _ = tasks.require(request.getId()).told().thenRun(process::end);
      });
      return CreateTaskResponse.newBuilder().setPid(pid).build();
    } catch (RuntimeException e) {
      logger.ifPresent(LoggerProcess::end);
      throw e;
    }
  }

  private MessageLite start(TtrpcCall call, StartRequest request) {
    ShimTask task = tasks.require(request.getId());
    int pid =
        request.getExecId().isEmpty()
            ? task.start()
            : task.startExec(request.getExecId(), call.operation());
    return StartResponse.newBuilder().setPid(pid).build();
  }

  private MessageLite exec(TtrpcCall call, ExecProcessRequest request) {
    ShimTask task = tasks.require(request.getId());
    var stdio =
        new Stdio(
            request.getStdin(), request.getStdout(), request.getStderr(), request.getTerminal());
    Ids.requireName("exec_id", request.getExecId());
    Optional<LoggerProcess> logger = loggers.start(task.id(), request.getExecId(), stdio);
    try {
      Stdio used = logger.map(process -> process.connect(stdio)).orElse(stdio);
      task.addExec(BundleReader.exec(request.getExecId(), request.getSpec(), used), used);
      logger.ifPresent(process -> {
        var _ = task.requireExec(request.getExecId()).told().thenRun(process::end);
      });
    } catch (RuntimeException e) {
      logger.ifPresent(LoggerProcess::end);
      throw e;
    }
    return Empty.getDefaultInstance();
  }

  private MessageLite state(TtrpcCall call, StateRequest request) {
    ShimTask task = tasks.require(request.getId());
    return request.getExecId().isEmpty()
        ? initState(task)
        : execState(task, task.requireExec(request.getExecId()));
  }

  private static StateResponse initState(ShimTask task) {
    Optional<TaskExit> ended = task.ended();
    Task.State state = task.task().state();
    return state(task, "", task.stdio(), task.task().pid(), ended)
        .setStatus(
            switch (state) {
              case CREATED -> Status.CREATED;
              case RUNNING -> task.isPaused() ? Status.PAUSED : Status.RUNNING;
              case STOPPED -> Status.STOPPED;
            })
        .build();
  }

  private static StateResponse execState(ShimTask task, ShimExec exec) {
    Optional<ShimExec.Running> running = exec.running();
    Optional<TaskExit> ended = running.flatMap(started -> started.exit().look());
    int pid = running.map(started -> started.process().pid()).orElse(0);
    Status status = running.isEmpty() ? Status.CREATED : Status.RUNNING;
    return state(task, exec.execId(), exec.stdio(), pid, ended)
        .setStatus(ended.isPresent() ? Status.STOPPED : status)
        .build();
  }

  private static StateResponse.Builder state(
      ShimTask task, String execId, Stdio stdio, int pid, Optional<TaskExit> ended) {
    var response =
        StateResponse.newBuilder()
            .setId(task.id())
            .setExecId(execId)
            .setBundle(task.task().bundle().toString())
            .setPid(pid)
            .setStdin(stdio.stdin())
            .setStdout(stdio.stdout())
            .setStderr(stdio.stderr())
            .setTerminal(stdio.terminal());
    ended.ifPresent(
        exit -> response.setExitStatus(exit.code()).setExitedAt(Timestamps.of(exit.at())));
    return response;
  }

  private MessageLite kill(TtrpcCall call, KillRequest request) {
    ShimTask task = tasks.require(request.getId());
    if (request.getExecId().isEmpty()) {
      task.kill(request.getSignal(), request.getAll());
    } else {
      task.killExec(request.getExecId(), request.getSignal());
    }
    return Empty.getDefaultInstance();
  }

  private MessageLite await(TtrpcCall call, WaitRequest request) throws InterruptedException {
    ShimTask task = tasks.require(request.getId());
    CompletableFuture<TaskExit> told =
        request.getExecId().isEmpty() ? task.told() : task.requireExec(request.getExecId()).told();
    TaskExit exit = ExitWait.await(told, call.operation());
    return WaitResponse.newBuilder()
        .setExitStatus(exit.code())
        .setExitedAt(Timestamps.of(exit.at()))
        .build();
  }

  private MessageLite delete(TtrpcCall call, DeleteRequest request) {
    ShimTask task = tasks.require(request.getId());
    var response = DeleteResponse.newBuilder();
    TaskExit exit;
    if (request.getExecId().isEmpty()) {
      response.setPid(task.task().pid());
      exit = tasks.delete(request.getId());
    } else {
      task.requireExec(request.getExecId())
          .running()
          .ifPresent(running -> response.setPid(running.process().pid()));
      exit = task.deleteExec(request.getExecId());
    }
    return response.setExitStatus(exit.code()).setExitedAt(Timestamps.of(exit.at())).build();
  }

  private MessageLite resizePty(TtrpcCall call, ResizePtyRequest request) {
    process(request.getId(), request.getExecId()).resize(request.getHeight(), request.getWidth());
    return Empty.getDefaultInstance();
  }

  private MessageLite closeIo(TtrpcCall call, CloseIORequest request) {
    ShimTask task = tasks.require(request.getId());
    if (request.getStdin() && request.getExecId().isEmpty()) {
      task.task().closeStdin();
    } else if (request.getStdin()) {
      task.closeExecStdin(request.getExecId());
    }
    return Empty.getDefaultInstance();
  }

  private TaskProcess process(String containerId, String execId) {
    ShimTask task = tasks.require(containerId);
    return execId.isEmpty() ? task.task() : task.requireExec(execId).requireRunning().process();
  }

  private MessageLite pids(TtrpcCall call, PidsRequest request) {
    var response = PidsResponse.newBuilder();
    ShimTask task = tasks.require(request.getId());
    Map<Integer, String> execs = task.execIds();
    for (int pid : task.task().pids()) {
      response.addProcesses(info(pid, execs.get(pid)));
    }
    return response.build();
  }

  private static ProcessInfo info(int pid, @Nullable String execId) {
    var info = ProcessInfo.newBuilder().setPid(pid);
    if (execId != null) {
      info.setInfo(
          Any.newBuilder()
              .setTypeUrl("containerd.runc.v1.ProcessDetails")
              .setValue(ProcessDetails.newBuilder().setExecId(execId).build().toByteString()));
    }
    return info.build();
  }

  private MessageLite stats(TtrpcCall call, StatsRequest request) {
    return StatsResponse.newBuilder()
        .setStats(TaskMetrics.read(tasks.require(request.getId()).requireCgroup()))
        .build();
  }

  private MessageLite pause(TtrpcCall call, PauseRequest request) {
    tasks.require(request.getId()).pause();
    return Empty.getDefaultInstance();
  }

  private MessageLite resume(TtrpcCall call, ResumeRequest request) {
    tasks.require(request.getId()).resume();
    return Empty.getDefaultInstance();
  }

  private MessageLite checkpoint(TtrpcCall call, CheckpointTaskRequest request) {
    checkpoints.checkpoint(tasks.require(request.getId()), request, call.operation());
    return Empty.getDefaultInstance();
  }

  private MessageLite update(TtrpcCall call, UpdateTaskRequest request) {
    tasks.require(request.getId()).task().limit(BundleReader.resources(request.getResources()));
    return Empty.getDefaultInstance();
  }

  private MessageLite connect(TtrpcCall call, ConnectRequest request) {
    var response =
        ConnectResponse.newBuilder()
            .setShimPid((int) ProcessHandle.current().pid())
            .setVersion("v3");
    if (!request.getId().isEmpty()) {
      tasks.find(request.getId()).ifPresent(task -> response.setTaskPid(task.task().pid()));
    }
    return response.build();
  }

  /**
   * A runtime asks after each container, and the next one may come soon: unless it is to be now,
   * the shim ends when it has been idle for a while.
   */
  private MessageLite shutdown(TtrpcCall call, ShutdownRequest request) {
    if (request.getNow() && tasks.isEmpty()) {
      shutdown.run();
    }
    return Empty.getDefaultInstance();
  }
}
