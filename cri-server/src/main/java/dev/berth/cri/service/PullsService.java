package dev.berth.cri.service;

import dev.berth.base.Operation;
import dev.berth.cri.rpc.ServiceAssembly;
import dev.berth.image.Images;
import dev.berth.image.PullProgress;
import dev.berth.image.PullProgress.LayerProgress;
import dev.berth.proto.berth.v1.Layer;
import dev.berth.proto.berth.v1.ListPullsRequest;
import dev.berth.proto.berth.v1.ListPullsResponse;
import dev.berth.proto.berth.v1.Pull;
import dev.berth.proto.berth.v1.PullsGrpc;
import io.grpc.ServerServiceDefinition;

/** Berth's own service beside CRI: how far the pulls are. */
public final class PullsService {
  private final Images images;

  /** Makes the service; it does not own the images. */
  public PullsService(Images images) {
    this.images = images;
  }

  /** Returns the service for the server. */
  public ServerServiceDefinition definition() {
    return ServiceAssembly.of(PullsGrpc.getServiceDescriptor())
        .unary(PullsGrpc.getListPullsMethod(), this::listPulls)
        .build();
  }

  private ListPullsResponse listPulls(ListPullsRequest request, Operation operation) {
    var reply = ListPullsResponse.newBuilder();
    images.pulls().forEach(pull -> reply.addPulls(message(pull)));
    return reply.build();
  }

  private static Pull message(PullProgress pull) {
    var message = Pull.newBuilder().setImage(pull.reference()).setStage(pull.stage());
    pull.layers().forEach(layer -> message.addLayers(message(layer)));
    return message.build();
  }

  private static Layer message(LayerProgress layer) {
    return Layer.newBuilder()
        .setDigest(layer.digest())
        .setReceivedBytes(layer.receivedBytes())
        .setTotalBytes(layer.totalBytes())
        .setDone(layer.done())
        .build();
  }
}
