package dev.berth.cri.service;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiPredicate;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the message that tells of each thing until the thing is another: the kubelet lists all pods
 * and containers every second, and hardly any of them has changed. Thread-safe.
 *
 * @param <S> what is told of
 * @param <M> the message
 */
final class KeptMessages<S, M> {
  private final Function<S, String> id;
  private final BiPredicate<S, S> same;
  private final Function<S, M> build;
  private final Map<String, Kept<S, M>> kept = new ConcurrentHashMap<>();

  private record Kept<S, M>(S source, M message) {}

  /**
   * @param id of a thing, as long as it is there
   * @param same whether one message tells of both; of the same id
   */
  KeptMessages(Function<S, String> id, BiPredicate<S, S> same, Function<S, M> build) {
    this.id = id;
    this.same = same;
    this.build = build;
  }

  /** Returns the messages of some of the things. */
  List<M> of(List<S> sources) {
    List<M> messages = new ArrayList<>(sources.size());
    for (S source : sources) {
      messages.add(of(source));
    }
    return messages;
  }

  /** Returns the messages of all things that are there; those of others are let go. */
  List<M> ofAll(List<S> sources) {
    List<M> messages = of(sources);
    if (kept.size() > sources.size()) {
      Set<String> ids = new HashSet<>();
      sources.forEach(source -> ids.add(id.apply(source)));
      kept.keySet().retainAll(ids);
    }
    return messages;
  }

  private M of(S source) {
    String key = id.apply(source);
    @Nullable Kept<S, M> last = kept.get(key);
    if (last != null && same.test(last.source, source)) {
      return last.message;
    }
    M message = build.apply(source);
    kept.put(key, new Kept<>(source, message));
    return message;
  }
}
