package dev.berth.runtime.kernel;

import java.util.ArrayList;
import java.util.List;

/** A NULL-terminated array of strings, as exec wants them; valid until closed. */
final class StringVector implements AutoCloseable {
  private final List<NativeMemory> strings = new ArrayList<>();
  private final NativeMemory pointers;

  private StringVector(List<String> values) {
    pointers = NativeMemory.allocate(8L * (values.size() + 1));
    for (int i = 0; i < values.size(); i++) {
      NativeMemory string = NativeMemory.string(values.get(i));
      strings.add(string);
      pointers.putLong(8L * i, string.address());
    }
  }

  static StringVector of(List<String> values) {
    return new StringVector(values);
  }

  long address() {
    return pointers.address();
  }

  @Override
  public void close() {
    pointers.close();
    strings.forEach(NativeMemory::close);
  }
}
