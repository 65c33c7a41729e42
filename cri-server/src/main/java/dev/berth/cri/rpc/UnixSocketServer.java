package dev.berth.cri.rpc;

import static com.google.common.util.concurrent.MoreExecutors.directExecutor;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import dev.berth.cri.config.SocketAccess;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A gRPC server on a unix socket.
 *
 * <p>One event loop thread moves the bytes of all connections; every call runs on a virtual thread,
 * but for those that answer from memory at once. Limits bound what a client can make the server
 * hold (rule R26).
 */
public final class UnixSocketServer implements AutoCloseable {
  /** The largest message, both ways: what the kubelet's client accepts. */
  public static final int MAX_MESSAGE_BYTES = 16 << 20;

  private static final int CANCEL_SECONDS = 5;
  private static final int MAX_HEADER_BYTES = 64 << 10;
  private static final int MAX_CALLS_PER_CONNECTION = 1000;
  private static final int MAX_RESETS_PER_WINDOW = 500;
  private static final int RESET_WINDOW_SECONDS = 30;
  private static final int FLOW_CONTROL_WINDOW_BYTES = 1 << 20;

  private final SocketFile socketFile;
  private final Server server;
  private final EventLoopGroup eventLoop;
  private final ExecutorService verbs;

  private UnixSocketServer(
      SocketFile socketFile, Server server, EventLoopGroup eventLoop, ExecutorService verbs) {
    this.socketFile = socketFile;
    this.server = server;
    this.eventLoop = eventLoop;
    this.verbs = verbs;
  }

  /**
   * Binds the socket and begins to answer.
   *
   * @throws dev.berth.base.BerthException FAILED_PRECONDITION if a live process serves the socket
   *     or something else than a socket has its name
   */
  public static UnixSocketServer start(
      Path socket, SocketAccess access, List<ServerServiceDefinition> services) throws IOException {
    SocketFile file = new SocketFile(socket, access);
    Path bound = file.prepare();
    EventLoopGroup eventLoop = EpollTransport.loop("cri-io");
    ExecutorService verbs =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("cri-", 0).factory());
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(new DomainSocketAddress(bound.toString()))
            .channelType(EpollServerDomainSocketChannel.class)
            .bossEventLoopGroup(eventLoop)
            .workerEventLoopGroup(eventLoop)
            .executor(directExecutor()) // which finds the method; CallThreads has the rest
            .callExecutor(new CallThreads(verbs, ServiceAssembly.immediate(services)))
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .maxInboundMetadataSize(MAX_HEADER_BYTES)
            .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
            .maxRstFramesPerWindow(MAX_RESETS_PER_WINDOW, RESET_WINDOW_SECONDS)
            .initialFlowControlWindow(FLOW_CONTROL_WINDOW_BYTES)
            .permitKeepAliveTime(10, SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .intercept(CallOperation.traceInterceptor());
    services.forEach(builder::addService);
    Server server = builder.build();
    var started = new UnixSocketServer(file, server, eventLoop, verbs);
    try {
      server.start();
      file.publish();
      return started;
    } catch (IOException | RuntimeException e) {
      started.close();
      throw e;
    }
  }

  /**
   * Stops taking calls, waits for those that run, at most {@code patience}, cancels the rest and
   * removes the socket. Idempotent.
   */
  public void stop(Duration patience) throws IOException {
    socketFile.remove();
    server.shutdown();
    try {
      if (!server.awaitTermination(patience.toMillis(), MILLISECONDS)) {
        server.shutdownNow().awaitTermination(CANCEL_SECONDS, SECONDS);
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    verbs.shutdown();
    EpollTransport.end(eventLoop);
  }

  @Override
  public void close() throws IOException {
    stop(Duration.ZERO);
  }
}
