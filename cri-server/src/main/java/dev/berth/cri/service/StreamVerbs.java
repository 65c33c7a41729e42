package dev.berth.cri.service;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.cri.service.Requests.required;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.cri.streaming.StreamRequest;
import dev.berth.cri.streaming.StreamingServer;
import dev.berth.proto.cri.v1.AttachRequest;
import dev.berth.proto.cri.v1.AttachResponse;
import dev.berth.proto.cri.v1.ExecRequest;
import dev.berth.proto.cri.v1.ExecResponse;
import dev.berth.proto.cri.v1.PortForwardRequest;
import dev.berth.proto.cri.v1.PortForwardResponse;
import dev.berth.sandbox.StandardStreams;
import dev.berth.sandbox.Streams;
import java.util.function.Function;

/** Exec, Attach and PortForward: they check, and answer the URL of what does the rest. */
public final class StreamVerbs {
  private static final int MAX_PORT = 65535;

  private final Streams streams;
  private final Function<StreamRequest, String> urls;

  /** Makes the verbs; they own none of what they are given. */
  public StreamVerbs(Streams streams, StreamingServer server) {
    this(streams, server::url);
  }

  StreamVerbs(Streams streams, Function<StreamRequest, String> urls) {
    this.streams = streams;
    this.urls = urls;
  }

  ExecResponse exec(ExecRequest request, Operation operation) {
    required("container_id", !request.getContainerId().isEmpty());
    required("cmd", request.getCmdCount() > 0);
    var wanted = new StandardStreams(request.getStdin(), request.getStdout(), request.getStderr());
    check(wanted, request.getTty());
    String id = streams.requireRunning(request.getContainerId());
    var exec = new StreamRequest.Exec(id, request.getCmdList(), request.getTty(), wanted);
    return ExecResponse.newBuilder().setUrl(urls.apply(exec)).build();
  }

  AttachResponse attach(AttachRequest request, Operation operation) {
    required("container_id", !request.getContainerId().isEmpty());
    var wanted = new StandardStreams(request.getStdin(), request.getStdout(), request.getStderr());
    check(wanted, request.getTty());
    String id = streams.requireRunning(request.getContainerId());
    var attach = new StreamRequest.Attach(id, request.getTty(), wanted);
    return AttachResponse.newBuilder().setUrl(urls.apply(attach)).build();
  }

  private static void check(StandardStreams wanted, boolean terminal) {
    if (wanted.isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, "one of stdin, stdout and stderr must be set");
    }
    if (terminal && wanted.stderr()) {
      throw new BerthException(
          INVALID_ARGUMENT, "tty and stderr cannot both be set: a terminal has one output");
    }
  }

  /** Without ports, clients name them on the connection. */
  PortForwardResponse portForward(PortForwardRequest request, Operation operation) {
    required("pod_sandbox_id", !request.getPodSandboxId().isEmpty());
    for (int port : request.getPortList()) {
      if (port < 1 || port > MAX_PORT) {
        throw new BerthException(
            INVALID_ARGUMENT, "port " + port + " is not one of 1 to " + MAX_PORT);
      }
    }
    String id = streams.requireReady(request.getPodSandboxId());
    var forward = new StreamRequest.PortForward(id, request.getPortList());
    return PortForwardResponse.newBuilder().setUrl(urls.apply(forward)).build();
  }
}
