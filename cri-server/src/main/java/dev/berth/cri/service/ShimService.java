package dev.berth.cri.service;

import dev.berth.base.Operation;
import dev.berth.cri.rpc.ServiceAssembly;
import dev.berth.proto.berth.v1.ShimProgram;
import dev.berth.proto.berth.v1.ShimsGrpc;
import dev.berth.proto.berth.v1.UpgradeShimRequest;
import dev.berth.proto.berth.v1.UpgradeShimResponse;
import dev.berth.sandbox.ShimUpgrade;
import dev.berth.shim.client.ShimVersion;
import io.grpc.ServerServiceDefinition;
import java.util.function.BiFunction;

/** Berth's own service beside CRI: what an administrator does to the shims. */
public final class ShimService {
  private final BiFunction<String, Operation, ShimUpgrade> upgrade;

  /**
   * Makes the service.
   *
   * @param upgrade replaces the shim of a handler
   */
  public ShimService(BiFunction<String, Operation, ShimUpgrade> upgrade) {
    this.upgrade = upgrade;
  }

  /** Returns the service for the server. */
  public ServerServiceDefinition definition() {
    return ServiceAssembly.of(ShimsGrpc.getServiceDescriptor())
        .unary(ShimsGrpc.getUpgradeShimMethod(), this::upgrade)
        .build();
  }

  private UpgradeShimResponse upgrade(UpgradeShimRequest request, Operation operation) {
    ShimUpgrade done = upgrade.apply(request.getHandler(), operation);
    return UpgradeShimResponse.newBuilder()
        .setHandler(done.handler())
        .setBefore(program(done.before()))
        .setAfter(program(done.after()))
        .build();
  }

  private static ShimProgram program(ShimVersion shim) {
    return ShimProgram.newBuilder()
        .setPid(shim.pid())
        .setVersion(shim.version())
        .setProtocol(shim.protocol())
        .build();
  }
}
