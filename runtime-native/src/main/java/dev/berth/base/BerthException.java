package dev.berth.base;

import org.jspecify.annotations.Nullable;

/**
 * The one exception Berth throws for a failure it understands.
 *
 * <p>Messages are lower case, without a full stop, and name the operation, the object and the path
 * or field. The {@link Kind} is what the caller can act on; one class at the edge turns it into a
 * gRPC status.
 */
public class BerthException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What a caller can do about a failure. The names are those of gRPC's codes where one fits. */
  public enum Kind {
    /** The request itself is wrong: repeating it cannot help. */
    INVALID_ARGUMENT,
    /** The named object does not exist. */
    NOT_FOUND,
    /** The name or id is taken by a different object. */
    ALREADY_EXISTS,
    /** The object exists but is in the wrong state for the verb. */
    FAILED_PRECONDITION,
    /** A peer or the server itself cannot answer now; repeating later can help. */
    UNAVAILABLE,
    /** Berth does not implement the verb or option. */
    UNIMPLEMENTED,
    /** A bound was reached: disk, memory, a size limit. */
    RESOURCE_EXHAUSTED,
    /** The time given to the operation is over. */
    DEADLINE_EXCEEDED,
    /** The caller went away or the operation was cancelled. */
    CANCELLED,
    /**
     * The message begins with a word that the kubelet reads, such as {@code RegistryUnavailable}.
     */
    KUBELET_REASON,
    /** A failure of the machine or of Berth that the caller did not cause. */
    INTERNAL
  }

  private final Kind kind;

  public BerthException(Kind kind, String message) {
    this(kind, message, null);
  }

  public BerthException(Kind kind, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public final Kind kind() {
    return kind;
  }

  /** Returns a failure of the same kind whose message says first what was being done. */
  public BerthException during(String step) {
    return new BerthException(kind, step + ": " + getMessage(), this);
  }
}
