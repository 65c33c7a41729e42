package dev.berth.cri.rpc;

import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A client's connection to a CRI server on a unix socket; connects with the first call. */
public final class CriChannel implements AutoCloseable {
  private static final int CLOSE_SECONDS = 5;

  private final EventLoopGroup eventLoop;
  private final ManagedChannel channel;

  private CriChannel(EventLoopGroup eventLoop, ManagedChannel channel) {
    this.eventLoop = eventLoop;
    this.channel = channel;
  }

  /** Returns a channel to any CRI server, Berth or not. */
  public static CriChannel to(Path socket) {
    EventLoopGroup eventLoop = EpollTransport.loop("cri-client");
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toString()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(eventLoop)
            .usePlaintext()
            .overrideAuthority("localhost") // as the kubelet does; a path is no valid authority
            .maxInboundMessageSize(UnixSocketServer.MAX_MESSAGE_BYTES)
            .build();
    return new CriChannel(eventLoop, channel);
  }

  /** Returns the channel for stubs; this object keeps owning it. */
  public ManagedChannel channel() {
    return channel;
  }

  /** Ends the connection; running calls are cancelled. Idempotent. */
  @Override
  public void close() {
    channel.shutdownNow();
    try {
      if (!channel.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the channel did not end in " + CLOSE_SECONDS + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    EpollTransport.end(eventLoop);
  }
}
