package dev.berth.cri.rpc;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;

/** What servers and clients share of Netty's epoll transport. */
public final class EpollTransport {
  /** Held, because a logger that nobody holds forgets its level. */
  private static final Logger BOOTSTRAP = Logger.getLogger("io.netty.bootstrap");

  static {
    // gRPC asks for SO_KEEPALIVE, Netty warns for every connection that a unix socket has none.
    BOOTSTRAP.setLevel(Level.SEVERE);
  }

  private EpollTransport() {}

  /** Returns a loop of one daemon thread; end it with {@link #end}. */
  public static EventLoopGroup loop(String threadName) {
    return new MultiThreadIoEventLoopGroup(
        1, new DefaultThreadFactory(threadName, true), EpollIoHandler.newFactory());
  }

  /** Lets the loop end by itself, soon; nothing waits for it. */
  public static void end(EventLoopGroup loop) {
    var _ = loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}
