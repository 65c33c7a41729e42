package dev.berth.shim.ttrpc;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.ERROR;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.shim.ttrpc.Request;
import dev.berth.proto.shim.ttrpc.Response;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One client of a server: its reader thread, and the calls it has under way. {@link TtrpcServer}
 * has one for each that connects; {@link #serve} makes one alone.
 *
 * <p>A call's own thread writes its answer, so a client that does not read holds up nobody else;
 * the number of calls it may have under way is bounded. Thread-safe.
 */
public final class ServerConnection implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ServerConnection.class.getName());

  /** Far above what a node's pods need (a Wait for each process), far below what memory holds. */
  static final int MAX_CALLS = 8192;

  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final int CHUNK_BYTES = 64 << 10;

  private record Running(Operation operation, Thread thread) {}

  private final String name;
  private final Map<String, TtrpcService> services;
  private final ByteChannel channel;
  private final Consumer<ServerConnection> onEnd;
  private final Map<Integer, Running> running = new ConcurrentHashMap<>();
  private final ReentrantLock writeLock = new ReentrantLock();
  private final Thread reader;
  private volatile boolean refusing;
  private volatile boolean readerEnded;
  private int lastStreamId; // touched by the reader only

  /**
   * @param name what logs call the server
   * @param onEnd told when the client is gone and its last call has ended
   */
  ServerConnection(
      String name,
      Map<String, TtrpcService> services,
      ByteChannel channel,
      Consumer<ServerConnection> onEnd) {
    this.name = name;
    this.services = services;
    this.channel = channel;
    this.onEnd = onEnd;
    this.reader = Thread.ofVirtual().name("ttrpc-serve " + name).unstarted(this::read);
  }

  /**
   * Serves on a connection that there is already, until its client ends it or {@link #close}.
   *
   * @param name what logs call this end
   * @param channel blocking; belongs to the server, and closing it must end a read and a write that
   *     wait
   */
  public static ServerConnection serve(String name, ByteChannel channel, TtrpcService... services) {
    var connection = new ServerConnection(name, byName(List.of(services)), channel, _ -> {});
    connection.start();
    return connection;
  }

  static Map<String, TtrpcService> byName(List<TtrpcService> services) {
    return services.stream()
        .collect(Collectors.toUnmodifiableMap(TtrpcService::name, Function.identity()));
  }

  void start() {
    reader.start();
  }

  /** Cancels the calls under way, gives them a second to answer and ends. Idempotent. */
  @Override
  public void close() {
    refuse();
    finish(GRACE);
  }

  /** Cancels what is under way, and answers that and later requests with UNAVAILABLE. */
  void refuse() {
    refusing = true;
    running.values().forEach(call -> call.operation().cancel());
  }

  /** Lets the calls under way answer for so long, then ends the connection and its threads. */
  void finish(Duration grace) {
    long deadline = System.nanoTime() + grace.toNanos();
    try {
      for (Running call : running.values()) {
        call.thread().join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
      }
      UnixSockets.closeQuietly(channel);
      for (Running call : running.values()) {
        call.thread().interrupt();
        call.thread().join(grace);
      }
      reader.join(grace);
    } catch (InterruptedException e) {
      UnixSockets.closeQuietly(channel);
      Thread.currentThread().interrupt();
    }
  }

  private void read() {
    var frames = new FrameReader(channel);
    try {
      @Nullable Incoming incoming;
      while ((incoming = frames.next()) != null) {
        receive(incoming);
      }
    } catch (IOException e) {
      LOG.log(DEBUG, () -> "connection on " + name + " ended: " + e);
    } finally {
      // the caller is gone: whatever waits on its behalf may stop
      running.values().forEach(call -> call.operation().cancel());
      UnixSockets.closeQuietly(channel);
      readerEnded = true;
      forgetWhenIdle();
    }
  }

  /** The server knows a connection until its last call has ended, so that close() can end those. */
  private void forgetWhenIdle() {
    if (readerEnded && running.isEmpty()) {
      onEnd.accept(this);
    }
  }

  private void receive(Incoming incoming) throws IOException {
    if (incoming.type() != Frame.REQUEST) {
      rejectData(incoming);
      return;
    }
    Status refusal = refusalOf(incoming);
    if (refusal != null) {
      answer(incoming.streamId(), refusal);
    } else if (incoming instanceof Frame frame) {
      begin(frame);
    }
  }

  /** No method here takes a stream of messages; a kind of frame that nobody knows is ignored. */
  private void rejectData(Incoming incoming) throws IOException {
    if (incoming.type() == Frame.DATA && !running.containsKey(incoming.streamId())) {
      answer(
          incoming.streamId(),
          StatusCodes.status(
              Code.INVALID_ARGUMENT,
              "stream " + Integer.toUnsignedString(incoming.streamId()) + " is not open"));
    }
  }

  private @Nullable Status refusalOf(Incoming incoming) {
    int id = incoming.streamId();
    String stream = "stream id " + Integer.toUnsignedString(id);
    if ((id & 1) == 0) {
      return StatusCodes.status(Code.INVALID_ARGUMENT, stream + " of a client must be odd");
    }
    if (Integer.compareUnsigned(id, lastStreamId) <= 0) {
      return StatusCodes.status(Code.INVALID_ARGUMENT, stream + " must rise and not be reused");
    }
    lastStreamId = id;
    return switch (incoming) {
      case Incoming.Oversized oversized ->
          StatusCodes.status(Code.RESOURCE_EXHAUSTED, oversized.describe());
      case Frame frame when frame.has(Frame.REMOTE_OPEN) ->
          StatusCodes.status(Code.UNIMPLEMENTED, "streaming calls are not implemented");
      case Frame _ when running.size() >= MAX_CALLS ->
          StatusCodes.status(Code.RESOURCE_EXHAUSTED, "too many calls under way: " + MAX_CALLS);
      case Frame _ when refusing ->
          StatusCodes.status(Code.UNAVAILABLE, "the server is shutting down");
      case Frame _ -> null;
    };
  }

  private void begin(Frame frame) throws IOException {
    Request request;
    try {
      request = Request.parseFrom(frame.payload());
    } catch (InvalidProtocolBufferException e) {
      answer(
          frame.streamId(),
          StatusCodes.status(Code.INVALID_ARGUMENT, "request cannot be parsed: " + e.getMessage()));
      return;
    }
    var call = callOf(request);
    Thread thread =
        Thread.ofVirtual()
            .name("ttrpc " + request.getMethod())
            .unstarted(() -> run(frame.streamId(), request, call));
    running.put(frame.streamId(), new Running(call.operation(), thread));
    thread.start();
    if (refusing) {
      call.operation().cancel();
    }
  }

  private static TtrpcCall callOf(Request request) {
    var metadata = Metadata.fromWire(request.getMetadataList());
    long nanos = request.getTimeoutNano();
    return new TtrpcCall(
        metadata,
        Operation.start(
            request.getMethod(),
            nanos <= 0 ? null : Duration.ofNanos(nanos),
            metadata.values().get(Metadata.TRACEPARENT)));
  }

  private void run(int streamId, Request request, TtrpcCall call) {
    try {
      answer(streamId, respond(request, call));
      LOG.log(DEBUG, () -> request.getMethod() + ": answered in " + call.operation().timings());
    } catch (IOException e) {
      LOG.log(DEBUG, () -> request.getMethod() + ": nobody takes the answer: " + e);
    } finally {
      running.remove(streamId);
      forgetWhenIdle();
    }
  }

  private Response respond(Request request, TtrpcCall call) {
    String what = "/" + request.getService() + "/" + request.getMethod();
    try {
      TtrpcService service = services.get(request.getService());
      if (service == null) {
        throw TtrpcService.unknown(request.getService(), request.getMethod());
      }
      MessageLite reply = service.answer(request.getMethod(), call, request.getPayload());
      return Response.newBuilder()
          .setStatus(Status.getDefaultInstance())
          .setPayload(reply.toByteString())
          .build();
    } catch (BerthException e) {
      return refusing && e.kind() == BerthException.Kind.CANCELLED
          ? failed(StatusCodes.status(Code.UNAVAILABLE, what + ": the server is shutting down"))
          : failed(StatusCodes.statusOf(e));
    } catch (InterruptedException e) {
      return failed(StatusCodes.status(Code.CANCELLED, what + ": interrupted"));
    } catch (Exception | Error e) { // outermost loop of the call: the caller must get an answer
      LOG.log(ERROR, what + " failed", e);
      return failed(StatusCodes.status(Code.INTERNAL, what + ": " + e));
    }
  }

  private static Response failed(Status status) {
    return Response.newBuilder().setStatus(status).build();
  }

  private void answer(int streamId, Status status) throws IOException {
    answer(streamId, failed(status));
  }

  private void answer(int streamId, Response response) throws IOException {
    Frame frame = Frame.response(streamId, response);
    if (frame.isTooLong()) {
      frame =
          Frame.response(
              streamId,
              failed(
                  StatusCodes.status(
                      Code.RESOURCE_EXHAUSTED,
                      "answer of " + frame.payload().length + " bytes is too long")));
    }
    write(frame.encode());
  }

  private void write(ByteBuffer bytes) throws IOException {
    writeLock.lock();
    try {
      int end = bytes.limit();
      while (bytes.position() < end) {
        bytes.limit(Math.min(end, bytes.position() + CHUNK_BYTES));
        channel.write(bytes);
      }
    } finally {
      writeLock.unlock();
    }
  }
}
