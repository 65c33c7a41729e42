package dev.berth.cri.streaming;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.websocketx.WebSocketDecoderConfig;
import io.netty.handler.codec.http.websocketx.WebSocketFrameAggregator;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshaker13;
import io.netty.handler.codec.spdy.SpdyFrameCodec;
import io.netty.handler.codec.spdy.SpdyVersion;
import io.netty.handler.timeout.IdleStateHandler;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The first and only request of a connection: redeems its token and turns the connection into one
 * of SPDY or WebSocket.
 */
final class HttpUpgrade extends SimpleChannelInboundHandler<FullHttpRequest> {
  static final String VERSION_HEADER = "X-Stream-Protocol-Version";
  static final String ACCEPTED_HEADER = "X-Accepted-Stream-Protocol-Versions";
  static final String PORT_FORWARD = "portforward.k8s.io";

  /** As the kubelet has it. */
  private static final int IDLE_HOURS = 4;

  private static final int MAX_MESSAGE_BYTES = 1 << 20;
  private static final int MAX_CHUNK_BYTES = 64 << 10;
  private static final int MAX_HEADER_BYTES = 16 << 10;

  private final Tokens tokens;
  private final Sessions sessions;
  private final Outlet outlet;

  HttpUpgrade(Tokens tokens, Sessions sessions, Outlet outlet) {
    this.tokens = tokens;
    this.sessions = sessions;
    this.outlet = outlet;
  }

  /** A refusal, as HTTP has it. */
  private static final class Refused extends Exception {
    private static final long serialVersionUID = 1;
    private final transient HttpResponseStatus status;

    Refused(HttpResponseStatus status, String message) {
      super(message);
      this.status = status;
    }
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
    try {
      requireMethod(request);
      QueryStringDecoder url = new QueryStringDecoder(request.uri());
      StreamRequest wanted = redeem(url.path());
      String upgrade = String.valueOf(request.headers().get(HttpHeaderNames.UPGRADE));
      switch (upgrade.toLowerCase(Locale.ROOT)) {
        case "spdy/3.1" -> toSpdy(context.channel(), request, wanted);
        case "websocket" -> toWebSocket(context.channel(), request, wanted, url);
        default ->
            throw new Refused(
                HttpResponseStatus.BAD_REQUEST, "an upgrade to SPDY/3.1 or websocket is needed");
      }
    } catch (Refused refused) {
      outlet.sendLast(response(refused.status, String.valueOf(refused.getMessage())));
    }
  }

  private static void requireMethod(FullHttpRequest request) throws Refused {
    if (!request.decoderResult().isSuccess()) {
      throw new Refused(HttpResponseStatus.BAD_REQUEST, "not an HTTP request");
    }
    if (!List.of(HttpMethod.GET, HttpMethod.POST).contains(request.method())) {
      throw new Refused(HttpResponseStatus.METHOD_NOT_ALLOWED, "GET or POST");
    }
  }

  /** Whatever is wrong with a token, the answer is the same. */
  private StreamRequest redeem(String path) throws Refused {
    String[] parts = path.split("/", -1);
    if (parts.length == 3 && parts[0].isEmpty()) {
      Optional<StreamRequest> request = tokens.redeem(parts[2]);
      if (request.isPresent() && request.get().path().equals(parts[1])) {
        return request.get();
      }
    }
    throw new Refused(HttpResponseStatus.NOT_FOUND, "no such stream");
  }

  private void toSpdy(Channel channel, FullHttpRequest request, StreamRequest wanted)
      throws Refused {
    List<String> offered = words(request, VERSION_HEADER);
    if (offered.isEmpty()) {
      throw new Refused(HttpResponseStatus.BAD_REQUEST, VERSION_HEADER + " is missing");
    }
    switch (wanted) {
      case StreamRequest.PortForward forward -> {
        if (offered.contains(PORT_FORWARD)) {
          switchToSpdy(channel, PORT_FORWARD, sessions.portsOverSpdy(forward));
        } else {
          refuseVersions(List.of(PORT_FORWARD));
        }
      }
      case StreamRequest.Exec _, StreamRequest.Attach _ -> {
        Optional<StreamVersion> version = StreamVersion.overSpdy(offered);
        if (version.isPresent()) {
          switchToSpdy(
              channel, version.get().protocol(), sessions.processOverSpdy(wanted, version.get()));
        } else {
          refuseVersions(StreamVersion.namesOverSpdy());
        }
      }
    }
  }

  private void refuseVersions(List<String> accepted) {
    FullHttpResponse response =
        response(HttpResponseStatus.FORBIDDEN, "no version of " + VERSION_HEADER + " is served");
    accepted.forEach(version -> response.headers().add(ACCEPTED_HEADER, version));
    outlet.sendLast(response);
  }

  /** The codec of SPDY comes after the answer is out, because it lets nothing else through. */
  private void switchToSpdy(
      Channel channel,
      String protocol,
      Function<SpdyConnection, SpdyConnection.Application> application) {
    FullHttpResponse switching =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS, Unpooled.EMPTY_BUFFER);
    switching
        .headers()
        .set(HttpHeaderNames.CONNECTION, "Upgrade")
        .set(HttpHeaderNames.UPGRADE, "SPDY/3.1")
        .set(VERSION_HEADER, protocol);
    outlet.sendNow(switching);
    addSpdy(channel.pipeline(), application);
    channel.pipeline().remove(this);
    channel.pipeline().remove(HttpObjectAggregator.class);
    channel.pipeline().remove(HttpServerCodec.class); // hands on what came behind the request
    allowIdleHours(channel.pipeline());
  }

  private void addSpdy(
      ChannelPipeline pipeline, Function<SpdyConnection, SpdyConnection.Application> application) {
    addLast(
        pipeline,
        new SpdyFrameCodec(SpdyVersion.SPDY_3_1, MAX_CHUNK_BYTES, MAX_HEADER_BYTES, 6, 15, 8));
    addLast(pipeline, new SpdyConnection(outlet, application));
  }

  /** The way out stays the last. */
  private void addLast(ChannelPipeline pipeline, io.netty.channel.ChannelHandler handler) {
    pipeline.addBefore(pipeline.context(outlet).name(), null, handler);
  }

  private void toWebSocket(
      Channel channel, FullHttpRequest request, StreamRequest wanted, QueryStringDecoder url)
      throws Refused {
    List<String> offered = words(request, HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL.toString());
    switch (wanted) {
      case StreamRequest.PortForward forward when offered.contains(WebSocketProtocol.TUNNEL) ->
          switchToWebSocket(
              channel,
              request,
              WebSocketProtocol.TUNNEL,
              () -> {
                addLast(channel.pipeline(), new WebSocketTunnel(outlet));
                addSpdy(channel.pipeline(), sessions.portsOverSpdy(forward));
              });
      case StreamRequest.PortForward forward -> {
        WebSocketProtocol protocol = require(WebSocketProtocol.ofPorts(offered));
        List<Integer> ports = ports(url, forward);
        switchToWebSocket(channel, request, protocol, sessions.portsOverWebSocket(forward, ports));
      }
      case StreamRequest.Exec _, StreamRequest.Attach _ -> {
        WebSocketProtocol protocol = require(WebSocketProtocol.ofProcess(offered));
        switchToWebSocket(
            channel, request, protocol, sessions.processOverWebSocket(wanted, protocol.version()));
      }
    }
  }

  private static WebSocketProtocol require(Optional<WebSocketProtocol> protocol) throws Refused {
    return protocol.orElseThrow(
        () -> new Refused(HttpResponseStatus.FORBIDDEN, "no offered subprotocol is served"));
  }

  private static List<Integer> ports(QueryStringDecoder url, StreamRequest.PortForward forward)
      throws Refused {
    List<String> named =
        url.parameters().getOrDefault("port", List.of()).stream()
            .flatMap(text -> Arrays.stream(text.split(",", -1)))
            .toList();
    if (!named.stream().allMatch(text -> text.matches("[0-9]{1,5}"))) {
      throw new Refused(HttpResponseStatus.BAD_REQUEST, "port is not a number");
    }
    List<Integer> ports =
        named.isEmpty() ? forward.ports() : named.stream().map(Integer::valueOf).toList();
    if (ports.isEmpty() || ports.size() > Sessions.MAX_PORTS) {
      throw new Refused(HttpResponseStatus.BAD_REQUEST, "1 to " + Sessions.MAX_PORTS + " ports");
    }
    return ports;
  }

  private void switchToWebSocket(
      Channel channel,
      FullHttpRequest request,
      WebSocketProtocol protocol,
      Function<WebSocketConnection, WebSocketConnection.Application> application) {
    @Nullable String name = protocol.name().isEmpty() ? null : protocol.name();
    switchToWebSocket(
        channel,
        request,
        name,
        () ->
            addLast(
                channel.pipeline(),
                new WebSocketConnection(outlet, new Channels(protocol.base64()), application)));
  }

  private void switchToWebSocket(
      Channel channel, FullHttpRequest request, @Nullable String subprotocol, Runnable install) {
    var config =
        WebSocketDecoderConfig.newBuilder()
            .maxFramePayloadLength(MAX_MESSAGE_BYTES)
            .allowExtensions(false)
            .withUTF8Validator(false)
            .build();
    var _ =
        new WebSocketServerHandshaker13(request.uri(), subprotocol, config)
            .handshake(channel, request)
            .addListener(handshake -> {
              if (!handshake.isSuccess()) {
                outlet.cut();
                return;
              }
              channel.pipeline().remove(this);
              addLast(channel.pipeline(), new WebSocketFrameAggregator(MAX_MESSAGE_BYTES));
              install.run();
              allowIdleHours(channel.pipeline());
            });
  }

  private static void allowIdleHours(ChannelPipeline pipeline) {
    pipeline.replace(
        IdleStateHandler.class, "idle", new IdleStateHandler(0, 0, IDLE_HOURS, TimeUnit.HOURS));
  }

  /** Returns the words of a header that may be repeated, or be a list, or both. */
  private static List<String> words(FullHttpRequest request, String header) {
    return request.headers().getAll(header).stream()
        .flatMap(value -> Arrays.stream(value.split(",", -1)))
        .map(String::strip)
        .filter(word -> !word.isEmpty())
        .toList();
  }

  private static FullHttpResponse response(HttpResponseStatus status, String message) {
    var body = Unpooled.copiedBuffer(message + "\n", UTF_8);
    var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, body);
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, "text/plain; charset=utf-8")
        .set(HttpHeaderNames.CONTENT_LENGTH, body.readableBytes())
        .set(HttpHeaderNames.CONNECTION, "close");
    return response;
  }
}
