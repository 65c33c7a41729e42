package dev.berth.shim.ttrpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import dev.berth.base.BerthException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A named set of unary methods that a {@link TtrpcServer} serves. Immutable.
 *
 * <pre>{@code
 * TtrpcService.named("containerd.task.v3.Task")
 *     .unary("State", StateRequest.parser(), (call, request) -> state(request))
 *     .build();
 * }</pre>
 */
public final class TtrpcService {
  /**
   * Answers one call, on a virtual thread of its own.
   *
   * @param <Q> the request
   */
  @FunctionalInterface
  public interface Method<Q> {
    /**
     * Returns the answer; a BerthException becomes the status of its kind, anything else {@code
     * INTERNAL}.
     */
    MessageLite answer(TtrpcCall call, Q request) throws Exception;
  }

  @FunctionalInterface
  private interface RawMethod {
    MessageLite answer(TtrpcCall call, ByteString payload) throws Exception;
  }

  /** Collects the methods of a service. */
  public static final class Builder {
    private final String name;
    private final Map<String, RawMethod> methods = new LinkedHashMap<>();

    private Builder(String name) {
      this.name = name;
    }

    /** Adds a method; its name is that of the proto file, {@code "Create"}. */
    public <Q> Builder unary(String method, Parser<Q> parser, Method<? super Q> implementation) {
      methods.put(
          method,
          (call, payload) -> implementation.answer(call, parse(name, method, parser, payload)));
      return this;
    }

    /** Returns the service. */
    public TtrpcService build() {
      return new TtrpcService(name, methods);
    }
  }

  private final String name;
  private final Map<String, RawMethod> methods;

  private TtrpcService(String name, Map<String, RawMethod> methods) {
    this.name = name;
    this.methods = Map.copyOf(methods);
  }

  /** Begins a service; the name is the full one of the proto file. */
  public static Builder named(String name) {
    return new Builder(name);
  }

  /** Returns the full name of the service. */
  public String name() {
    return name;
  }

  boolean knows(String method) {
    return methods.containsKey(method);
  }

  MessageLite answer(String method, TtrpcCall call, ByteString payload) throws Exception {
    @Nullable RawMethod implementation = methods.get(method);
    if (implementation == null) {
      throw unknown(name, method);
    }
    return implementation.answer(call, payload);
  }

  static BerthException unknown(String service, String method) {
    return new BerthException(
        BerthException.Kind.UNIMPLEMENTED, "unknown method /" + service + "/" + method);
  }

  private static <Q> Q parse(String service, String method, Parser<Q> parser, ByteString payload) {
    try {
      return parser.parseFrom(payload);
    } catch (InvalidProtocolBufferException e) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "request of /" + service + "/" + method + " cannot be parsed: " + e.getMessage(),
          e);
    }
  }
}
