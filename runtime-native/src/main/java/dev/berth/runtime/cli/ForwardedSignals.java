package dev.berth.runtime.cli;

import dev.berth.runtime.Signals;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * Passes signals that this program gets on to the process that it runs in the foreground, as its
 * caller expects: that process has a session of its own and gets none from a terminal or a shell.
 *
 * <p>By reflection, because javac warns of every use of {@code sun.misc.Signal}, which has no
 * successor, and a warning fails the build. Signals that the JVM needs for itself stay its own.
 */
final class ForwardedSignals implements AutoCloseable {
  private static final List<String> NAMES = List.of("HUP", "INT", "TERM", "USR1", "USR2", "CONT");

  private final Method handle;
  private final Map<Object, Object> before = new LinkedHashMap<>();

  private ForwardedSignals(Method handle) {
    this.handle = handle;
  }

  /**
   * Begins; {@link #close} gives the signals their earlier meaning.
   *
   * @param target gets the number of each, on a thread of the JVM's
   */
  static ForwardedSignals to(IntConsumer target) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      var forwarded = new ForwardedSignals(signal.getMethod("handle", signal, handler));
      for (String name : NAMES) {
        int number = Signals.parse(name);
        Object action =
            Proxy.newProxyInstance(
                ForwardedSignals.class.getClassLoader(),
                new Class<?>[] {handler},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("handle")) {
                    target.accept(number);
                  }
                  return null;
                });
        forwarded.take(signal.getConstructor(String.class).newInstance(name), action);
      }
      return forwarded;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this JVM has no sun.misc.Signal", e);
    }
  }

  private void take(Object signal, Object action) throws IllegalAccessException {
    try {
      before.put(signal, handle.invoke(null, signal, action));
    } catch (InvocationTargetException e) {
      // IllegalArgumentException: the JVM uses this one itself
      if (!(e.getCause() instanceof IllegalArgumentException)) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Override
  public void close() {
    before.forEach((signal, action) -> {
      try {
        handle.invoke(null, signal, action);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException(e);
      }
    });
  }
}
