package dev.berth.cri.service;

import dev.berth.base.AuditFinding;
import dev.berth.base.Operation;
import dev.berth.cri.rpc.ServiceAssembly;
import dev.berth.proto.berth.v1.AuditRequest;
import dev.berth.proto.berth.v1.AuditResponse;
import dev.berth.proto.berth.v1.Finding;
import dev.berth.proto.berth.v1.ListOperationsRequest;
import dev.berth.proto.berth.v1.ListOperationsResponse;
import dev.berth.proto.berth.v1.NodeGrpc;
import dev.berth.proto.berth.v1.RunningOperation;
import dev.berth.proto.berth.v1.Subject;
import io.grpc.ServerServiceDefinition;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** Berth's own service beside CRI: what it has made, and what it is doing. */
public final class NodeService {
  private final Function<Operation, List<AuditFinding>> audit;

  /**
   * Makes the service.
   *
   * @param audit compares what there is with the records
   */
  public NodeService(Function<Operation, List<AuditFinding>> audit) {
    this.audit = audit;
  }

  /** Returns the service for the server. */
  public ServerServiceDefinition definition() {
    return ServiceAssembly.of(NodeGrpc.getServiceDescriptor())
        .listed(
            NodeGrpc.getAuditMethod(),
            this::audit,
            findings -> AuditResponse.newBuilder().addAllFindings(findings).build())
        .unary(NodeGrpc.getListOperationsMethod(), this::listOperations)
        .build();
  }

  private List<Finding> audit(AuditRequest request, Operation operation) {
    return audit.apply(operation).stream().map(NodeService::message).toList();
  }

  private static Finding message(AuditFinding finding) {
    return Finding.newBuilder()
        .setKind(finding.kind())
        .setName(finding.name())
        .setProblem(finding.problem().name().toLowerCase(Locale.ROOT))
        .setOwner(finding.owner())
        .setReason(finding.reason())
        .build();
  }

  private ListOperationsResponse listOperations(
      ListOperationsRequest request, Operation operation) {
    var reply = ListOperationsResponse.newBuilder();
    Operation.running().stream()
        .filter(running -> running != operation)
        .forEach(running -> reply.addOperations(message(running)));
    return reply.build();
  }

  private static RunningOperation message(Operation running) {
    var message =
        RunningOperation.newBuilder()
            .setVerb(running.verb())
            .setRequestId(running.requestId())
            .setStage(running.stageName())
            .setAgeMs(running.age().toMillis())
            .setStageAgeMs(running.stageAge().toMillis());
    running.timeLeft().ifPresent(left -> message.setLeftMs(left.toMillis()));
    String traceparent = running.traceparent();
    if (traceparent != null) {
      message.setTraceparent(traceparent);
    }
    for (Operation.Subject subject : running.subjects()) {
      message.addSubjects(Subject.newBuilder().setId(subject.id()).setName(subject.name()));
    }
    return message.build();
  }
}
