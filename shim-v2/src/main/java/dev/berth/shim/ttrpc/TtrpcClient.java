package dev.berth.shim.ttrpc;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.berth.base.BerthException;
import dev.berth.proto.shim.ttrpc.Request;
import dev.berth.proto.shim.ttrpc.Response;
import java.io.IOException;
import java.nio.channels.ByteChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One connection to a ttrpc server, shared by any number of callers. Thread-safe.
 *
 * <p>When the peer vanishes or breaks the protocol, all calls under way fail with UNAVAILABLE, and
 * so do later ones: the owner makes a new client.
 */
public final class TtrpcClient implements AutoCloseable {
  private static final Executor VIRTUAL_THREADS =
      task -> Thread.ofVirtual().name("ttrpc-callback").start(task);
  private static final Duration JOIN_LIMIT = Duration.ofSeconds(1);

  private record Call(String what, CompletableFuture<Response> answer) {}

  private final String peer;
  private final ByteChannel channel;
  private final FrameWriter writer;
  private final Map<Integer, Call> calls = new ConcurrentHashMap<>();
  private final AtomicReference<BerthException> ending = new AtomicReference<>();
  private final CompletableFuture<BerthException> closed = new CompletableFuture<>();
  private final Thread readerThread;
  private final Thread writerThread;

  /** Keeps ids rising on the wire: held from taking an id to handing over its frame. */
  private final ReentrantLock sendLock = new ReentrantLock();

  @GuardedBy("sendLock") private int nextStreamId = 1;

  private TtrpcClient(String peer, ByteChannel channel) {
    this.peer = peer;
    this.channel = channel;
    this.writer = new FrameWriter(channel);
    this.readerThread = Thread.ofVirtual().name("ttrpc-read " + peer).unstarted(this::readFrames);
    this.writerThread = Thread.ofVirtual().name("ttrpc-write " + peer).unstarted(this::writeFrames);
  }

  /**
   * Connects to a socket in the file system.
   *
   * @throws BerthException UNAVAILABLE when nobody listens, DEADLINE_EXCEEDED when the peer does
   *     not accept in time
   */
  public static TtrpcClient connect(Path socket, Duration timeout) {
    return over(socket.toString(), UnixSockets.connect(socket, timeout));
  }

  /**
   * Makes a client of a connection that there is already.
   *
   * @param peer what errors call the other end
   * @param channel blocking, safe for one reader and one writer at a time; belongs to the client,
   *     and closing it must end a read and a write that wait
   */
  public static TtrpcClient over(String peer, ByteChannel channel) {
    var client = new TtrpcClient(peer, channel);
    client.readerThread.start();
    client.writerThread.start();
    return client;
  }

  /**
   * Calls a method and waits for the answer.
   *
   * @param service full name of the service
   * @param timeout also sent to the peer; the call ends here when it is over, whatever the peer
   *     does
   * @throws BerthException of the kind the peer answered; DEADLINE_EXCEEDED; UNAVAILABLE when the
   *     connection is lost, the request may have been carried out then; CANCELLED when the thread
   *     is interrupted
   */
  public <R extends MessageLite> R call(
      String service,
      String method,
      MessageLite request,
      Parser<R> parser,
      Metadata metadata,
      Duration timeout) {
    long start = System.nanoTime();
    Request message = request(service, method, request, metadata, timeout);
    var call = new Call("/" + service + "/" + method, new CompletableFuture<>());
    int streamId = send(call, message, timeout);
    try {
      long left = Math.max(0, timeout.toNanos() - (System.nanoTime() - start));
      return parse(call, call.answer().get(left, TimeUnit.NANOSECONDS), parser);
    } catch (TimeoutException e) {
      throw new BerthException(
          DEADLINE_EXCEEDED, call.what() + " on " + peer + ": no answer within " + timeout, e);
    } catch (ExecutionException e) {
      throw failure(call, e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, call.what() + " on " + peer + ": interrupted", e);
    } finally {
      calls.remove(streamId);
    }
  }

  /**
   * Calls a method that may take for ever, such as Wait, without holding a thread. The future
   * completes on a thread of its own, exceptionally with a BerthException; cancelling it gives up
   * the call on this side.
   */
  public <R extends MessageLite> CompletableFuture<R> start(
      String service, String method, MessageLite request, Parser<R> parser, Metadata metadata) {
    Request message = request(service, method, request, metadata, Duration.ZERO);
    var call = new Call("/" + service + "/" + method, new CompletableFuture<>());
    int streamId = send(call, message, JOIN_LIMIT);
    CompletableFuture<R> result = new CompletableFuture<>();
    var _ = result.whenComplete((_, _) -> calls.remove(streamId));
    var _ =
        call.answer()
            .whenCompleteAsync(
                (response, failure) -> complete(result, call, response, failure, parser),
                VIRTUAL_THREADS);
    return result;
  }

  private <R extends MessageLite> void complete(
      CompletableFuture<R> result,
      Call call,
      Response response,
      @Nullable Throwable failure,
      Parser<R> parser) {
    try {
      if (failure != null) {
        throw failure(call, failure);
      }
      result.complete(parse(call, response, parser));
    } catch (BerthException e) {
      result.completeExceptionally(e);
    }
  }

  /**
   * Returns a future that completes when the connection has ended, with the reason; never
   * exceptionally. The connection knows of each until then: who only asks, asks {@link #isOpen}.
   */
  public CompletableFuture<BerthException> closed() {
    return closed.copy();
  }

  /** Tells whether calls can be made; false before any call fails for the end of the connection. */
  public boolean isOpen() {
    return ending.get() == null;
  }

  /** Ends the connection; calls under way fail with UNAVAILABLE. Idempotent. */
  @Override
  public void close() {
    end(new BerthException(UNAVAILABLE, "connection to " + peer + " was closed"));
    join(readerThread);
    join(writerThread);
  }

  private static Request request(
      String service, String method, MessageLite request, Metadata metadata, Duration timeout) {
    return Request.newBuilder()
        .setService(service)
        .setMethod(method)
        .setPayload(request.toByteString())
        .setTimeoutNano(timeout.toNanos())
        .addAllMetadata(metadata.toWire())
        .build();
  }

  private int send(Call call, Request message, Duration patience) {
    if (message.getSerializedSize() > Frame.MAX_PAYLOAD_BYTES) {
      throw new BerthException(
          RESOURCE_EXHAUSTED,
          call.what() + ": request of " + message.getSerializedSize() + " bytes is too long");
    }
    long deadline = System.nanoTime() + patience.toNanos();
    try {
      if (!sendLock.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
        throw stalled(call, patience);
      }
      try {
        return sendLocked(call, message, Duration.ofNanos(deadline - System.nanoTime()));
      } finally {
        sendLock.unlock();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, call.what() + " on " + peer + ": interrupted", e);
    }
  }

  @GuardedBy("sendLock") private int sendLocked(Call call, Request message, Duration patience)
      throws InterruptedException {
    int streamId = nextStreamId;
    if (streamId == -1) { // the last odd number of 32 bits: ids may not be used twice
      end(new BerthException(UNAVAILABLE, "connection to " + peer + " ran out of stream ids"));
    }
    calls.put(streamId, call);
    BerthException ended = ending.get();
    if (ended
        != null) { // looked at after put: whoever ends the connection sees the call, or we this
      calls.remove(streamId);
      throw failure(call, ended);
    }
    if (!writer.send(Frame.request(streamId, message), patience)) {
      calls.remove(streamId);
      throw stalled(call, patience);
    }
    nextStreamId = streamId + 2;
    return streamId;
  }

  private BerthException stalled(Call call, Duration patience) {
    return new BerthException(
        DEADLINE_EXCEEDED, call.what() + ": " + peer + " took no request within " + patience);
  }

  private void readFrames() {
    var reader = new FrameReader(channel);
    try {
      @Nullable Incoming incoming;
      while ((incoming = reader.next()) != null) {
        receive(incoming);
      }
      end(new BerthException(UNAVAILABLE, "connection to " + peer + " was ended by the peer"));
    } catch (IOException e) {
      end(new BerthException(UNAVAILABLE, "connection to " + peer + " was lost: " + e, e));
    }
  }

  private void receive(Incoming incoming) throws IOException {
    Call call = calls.get(incoming.streamId()); // the caller removes it
    if (call == null || incoming.type() != Frame.RESPONSE) {
      return; // an answer after its deadline, or a kind of message of a later protocol
    }
    switch (incoming) {
      case Frame frame -> call.answer().complete(Response.parseFrom(frame.payload()));
      case Incoming.Oversized oversized ->
          call.answer()
              .completeExceptionally(
                  new BerthException(RESOURCE_EXHAUSTED, "answer: " + oversized.describe()));
    }
  }

  private void writeFrames() {
    try {
      writer.run();
    } catch (IOException e) {
      end(new BerthException(UNAVAILABLE, "connection to " + peer + " was lost: " + e, e));
    } catch (InterruptedException e) {
      // the connection ended: nothing more to write
    }
  }

  private void end(BerthException reason) {
    if (!ending.compareAndSet(null, reason)) {
      return;
    }
    UnixSockets.closeQuietly(channel);
    writerThread.interrupt();
    calls.values().forEach(call -> call.answer().completeExceptionally(reason));
    calls.clear();
    closed.completeAsync(() -> reason, VIRTUAL_THREADS);
  }

  private <R extends MessageLite> R parse(Call call, Response response, Parser<R> parser) {
    if (response.hasStatus() && response.getStatus().getCode() != 0) {
      throw StatusCodes.failureOf(response.getStatus());
    }
    try {
      return parser.parseFrom(response.getPayload());
    } catch (InvalidProtocolBufferException e) {
      throw new BerthException(
          INTERNAL, call.what() + " on " + peer + ": answer cannot be parsed: " + e, e);
    }
  }

  private BerthException failure(Call call, @Nullable Throwable cause) {
    return cause instanceof BerthException known
        ? known.during(call.what())
        : new BerthException(INTERNAL, call.what() + " on " + peer + ": " + cause, cause);
  }

  private static void join(Thread thread) {
    try {
      if (!thread.equals(Thread.currentThread())) {
        thread.join(JOIN_LIMIT);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
