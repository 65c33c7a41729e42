package dev.berth.cri.cli;

import static java.util.concurrent.TimeUnit.SECONDS;

import dev.berth.cri.rpc.CriChannel;
import dev.berth.proto.berth.v1.NodeGrpc;
import dev.berth.proto.berth.v1.NodeGrpc.NodeBlockingStub;
import dev.berth.proto.berth.v1.PullsGrpc;
import dev.berth.proto.berth.v1.PullsGrpc.PullsBlockingStub;
import dev.berth.proto.berth.v1.ShimsGrpc;
import dev.berth.proto.berth.v1.ShimsGrpc.ShimsBlockingStub;
import dev.berth.proto.berth.v1.StoreGrpc;
import dev.berth.proto.berth.v1.StoreGrpc.StoreBlockingStub;
import dev.berth.proto.cri.v1.ImageServiceGrpc;
import dev.berth.proto.cri.v1.ImageServiceGrpc.ImageServiceBlockingStub;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc.RuntimeServiceBlockingStub;
import java.nio.file.Path;
import java.time.Duration;

/** A connection to a CRI server with the deadlines that a kubelet would set. */
final class CriClient implements AutoCloseable {
  private static final Duration DEADLINE = Duration.ofMinutes(2);

  private final CriChannel channel;

  private CriClient(CriChannel channel) {
    this.channel = channel;
  }

  static CriClient to(Path socket) {
    return new CriClient(CriChannel.to(socket));
  }

  RuntimeServiceBlockingStub runtime() {
    return runtime(Duration.ZERO);
  }

  /** Returns a stub whose calls may take this much longer than usual. */
  RuntimeServiceBlockingStub runtime(Duration extra) {
    return RuntimeServiceGrpc.newBlockingStub(channel.channel())
        .withDeadlineAfter(DEADLINE.plus(extra).toSeconds(), SECONDS);
  }

  ImageServiceBlockingStub images() {
    return pulls().withDeadlineAfter(DEADLINE.toSeconds(), SECONDS);
  }

  /** Returns a stub without a deadline: a pull takes as long as it makes progress. */
  ImageServiceBlockingStub pulls() {
    return ImageServiceGrpc.newBlockingStub(channel.channel());
  }

  /** Returns a stub for what only Berth answers. */
  PullsBlockingStub progress() {
    return PullsGrpc.newBlockingStub(channel.channel())
        .withDeadlineAfter(DEADLINE.toSeconds(), SECONDS);
  }

  /** Returns a stub for what Berth tells of itself. */
  NodeBlockingStub node() {
    return NodeGrpc.newBlockingStub(channel.channel())
        .withDeadlineAfter(DEADLINE.toSeconds(), SECONDS);
  }

  /** Returns a stub for the image store of Berth, without a deadline: such work takes its time. */
  StoreBlockingStub store() {
    return StoreGrpc.newBlockingStub(channel.channel());
  }

  /** Returns a stub for the shims of Berth. */
  ShimsBlockingStub shims() {
    return ShimsGrpc.newBlockingStub(channel.channel())
        .withDeadlineAfter(DEADLINE.toSeconds(), SECONDS);
  }

  @Override
  public void close() {
    channel.close();
  }
}
