package dev.berth.cri.streaming;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import com.google.gson.annotations.SerializedName;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads terminal sizes: objects such as {@code {"Width":80,"Height":24}}, one behind the other, cut
 * anywhere. What is no size is passed over. Thread-safe.
 */
final class TerminalSizes {
  private static final Gson GSON = new Gson();
  private static final int MAX_OBJECT_CHARS = 1024;
  private static final int MAX_SIZE = 65535; // struct winsize, ioctl_tty(2)

  @GuardedBy("this") private final StringBuilder pending = new StringBuilder();

  @GuardedBy("this") private @Nullable Size last;

  /** A size in characters. */
  record Size(@SerializedName("Width") int width, @SerializedName("Height") int height) {
    boolean isPossible() {
      return width > 0 && width <= MAX_SIZE && height > 0 && height <= MAX_SIZE;
    }
  }

  /** Adds what came. */
  synchronized void add(byte[] part) {
    pending.append(new String(part, UTF_8));
    for (int end = pending.indexOf("}"); end >= 0; end = pending.indexOf("}")) {
      parse(pending.substring(0, end + 1)).ifPresent(size -> last = size);
      pending.delete(0, end + 1);
    }
    if (pending.length() > MAX_OBJECT_CHARS) {
      pending.setLength(0);
    }
  }

  /** Takes the last size that came, if it was not taken before. */
  synchronized Optional<Size> take() {
    Optional<Size> taken = Optional.ofNullable(last);
    last = null;
    return taken;
  }

  private static Optional<Size> parse(String object) {
    try {
      return Optional.<Size>ofNullable(GSON.fromJson(object, Size.class)).filter(Size::isPossible);
    } catch (JsonParseException e) {
      return Optional.empty();
    }
  }
}
