package dev.berth.base;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;

/** The records of a {@link MetadataStore} in memory. Many readers, one writer. */
final class MetadataTable {
  private final Map<String, Map<String, byte[]>> buckets = new ConcurrentHashMap<>();

  Optional<byte[]> get(String bucket, String key) {
    return Optional.ofNullable(buckets.getOrDefault(bucket, Map.of()).get(key));
  }

  Map<String, byte[]> all(String bucket) {
    var copy = new TreeMap<String, byte[]>();
    buckets.getOrDefault(bucket, Map.of()).forEach((key, value) -> copy.put(key, value.clone()));
    return Collections.unmodifiableMap(copy);
  }

  void apply(Mutation mutation) {
    switch (mutation) {
      case Mutation.Put(var bucket, var key, var value) ->
          buckets.computeIfAbsent(bucket, _ -> new ConcurrentSkipListMap<>()).put(key, value);
      case Mutation.Remove(var bucket, var key) ->
          buckets.getOrDefault(bucket, Collections.emptyMap()).remove(key);
    }
  }

  /** Returns every record as the change that would make it. */
  List<Mutation.Put> records() {
    var records = new ArrayList<Mutation.Put>();
    buckets.forEach((bucket, entries) ->
        entries.forEach((key, value) -> records.add(new Mutation.Put(bucket, key, value))));
    return records;
  }

  /** Bytes of all keys and values: what a snapshot would take, roughly. */
  long sizeBytes() {
    long sum = 0;
    for (Map<String, byte[]> bucket : buckets.values()) {
      for (Map.Entry<String, byte[]> record : bucket.entrySet()) {
        sum += record.getKey().length() + record.getValue().length;
      }
    }
    return sum;
  }
}
