package dev.berth.cri.streaming;

import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import dev.berth.base.BerthException;
import dev.berth.cri.config.StreamSettings;
import dev.berth.cri.rpc.EpollTransport;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.timeout.IdleStateHandler;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The listening socket and the thread that moves the bytes of all streaming connections. */
final class StreamListener implements AutoCloseable {
  private static final int REQUEST_LIMIT_SECONDS = 30;

  /** Upgrades have no body. */
  private static final int MAX_BODY_BYTES = 4 << 10;

  private final EventLoopGroup loop;
  private final Channel channel;
  private final String origin; // "http://127.0.0.1:34567"
  private final Tokens tokens;

  private StreamListener(EventLoopGroup loop, Channel channel, String origin, Tokens tokens) {
    this.loop = loop;
    this.channel = channel;
    this.origin = origin;
    this.tokens = tokens;
  }

  /**
   * Binds the socket.
   *
   * @throws BerthException UNAVAILABLE if it cannot be bound or the certificate not be read
   */
  static StreamListener bind(StreamSettings settings, Sessions sessions) {
    Tokens tokens = new Tokens(System::nanoTime);
    @Nullable SslContext tls = tls(settings);
    EventLoopGroup loop = EpollTransport.loop("stream-io");
    try {
      ChannelFuture bound =
          new ServerBootstrap()
              .group(loop)
              .channel(EpollServerSocketChannel.class)
              .childHandler(new Connections(tls, tokens, sessions))
              .bind(InetAddress.getByName(settings.address()), settings.port())
              .awaitUninterruptibly();
      if (!bound.isSuccess()) {
        throw new IOException(bound.cause());
      }
      String scheme = tls == null ? "http" : "https";
      return new StreamListener(
          loop, bound.channel(), scheme + "://" + authority(bound.channel()), tokens);
    } catch (IOException e) {
      EpollTransport.end(loop);
      throw new BerthException(
          UNAVAILABLE,
          "stream_address, stream_port: cannot listen on "
              + settings.address()
              + ":"
              + settings.port()
              + ": "
              + e.getMessage(),
          e);
    }
  }

  private static String authority(Channel channel) {
    InetSocketAddress address = (InetSocketAddress) channel.localAddress();
    String host = address.getAddress().getHostAddress();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
  }

  private static @Nullable SslContext tls(StreamSettings settings) {
    if (settings.tls().isEmpty()) {
      return null;
    }
    StreamSettings.Tls tls = settings.tls().get();
    try (var certificate = Files.newInputStream(tls.certificate());
        var key = Files.newInputStream(tls.key())) {
      return SslContextBuilder.forServer(certificate, key).protocols("TLSv1.3", "TLSv1.2").build();
    } catch (IOException | IllegalArgumentException e) {
      throw new BerthException(
          UNAVAILABLE, "stream_tls_cert, stream_tls_key: " + e.getMessage(), e);
    }
  }

  /** Sets up new connections. */
  private static final class Connections extends ChannelInitializer<Channel> {
    private final @Nullable SslContext tls;
    private final Tokens tokens;
    private final Sessions sessions;

    Connections(@Nullable SslContext tls, Tokens tokens, Sessions sessions) {
      this.tls = tls;
      this.tokens = tokens;
      this.sessions = sessions;
    }

    @Override
    protected void initChannel(Channel channel) {
      if (tls != null) {
        channel.pipeline().addLast(tls.newHandler(channel.alloc()));
      }
      Outlet outlet = new Outlet(channel);
      channel
          .pipeline()
          .addLast(new IdleStateHandler(REQUEST_LIMIT_SECONDS, 0, 0, TimeUnit.SECONDS))
          .addLast(new HttpServerCodec())
          .addLast(new HttpObjectAggregator(MAX_BODY_BYTES))
          .addLast(new HttpUpgrade(tokens, sessions, outlet))
          .addLast(outlet);
    }
  }

  /**
   * Returns a URL for one client.
   *
   * @throws BerthException RESOURCE_EXHAUSTED if too many wait for their clients
   */
  String url(StreamRequest request) {
    return origin + "/" + request.path() + "/" + tokens.issue(request);
  }

  /** Stops listening and cuts all connections, which ends their sessions. Idempotent. */
  @Override
  public void close() {
    var _ = channel.close();
    EpollTransport.end(loop);
  }
}
