package dev.berth.image.testing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ServerSocketFactory;
import javax.net.ssl.SSLContext;

/**
 * A forward proxy: tunnels CONNECT, passes other requests on one by one, and leads every name to
 * one port on loopback. With a password it wants to be shown it.
 */
public final class ForwardProxy implements AutoCloseable {
  private final ServerSocket server;
  private final int target;
  private final String authorization;
  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final List<Socket> open = new CopyOnWriteArrayList<>();

  private ForwardProxy(ServerSocket server, int target, String authorization) {
    this.server = server;
    this.target = target;
    this.authorization = authorization;
  }

  /**
   * Starts a proxy.
   *
   * @param authorization the whole header that it wants to see; empty for none
   */
  public static ForwardProxy to(int port, String authorization) {
    return over(ServerSocketFactory.getDefault(), port, authorization);
  }

  /** The same, but its clients talk TLS with it. */
  public static ForwardProxy withTls(SSLContext tls, int port, String authorization) {
    return over(tls.getServerSocketFactory(), port, authorization);
  }

  private static ForwardProxy over(ServerSocketFactory sockets, int port, String authorization) {
    try {
      ServerSocket server = sockets.createServerSocket();
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      var proxy = new ForwardProxy(server, port, authorization);
      Thread.ofVirtual().name("forward-proxy").start(proxy::accept);
      return proxy;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Host and port. */
  public String host() {
    return "127.0.0.1:" + server.getLocalPort();
  }

  /** The first line of each request, and its headers in lower case. */
  public List<String> requests() {
    return List.copyOf(requests);
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        open.add(client);
        Thread.ofVirtual().start(() -> serve(client));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void serve(Socket client) {
    try (client;
        Socket upstream = new Socket(InetAddress.getLoopbackAddress(), target)) {
      open.add(upstream);
      InputStream in = client.getInputStream();
      OutputStream out = client.getOutputStream();
      String head = head(in);
      requests.add(head);
      String wanted = "\r\nproxy-authorization: " + authorization.toLowerCase(Locale.ROOT);
      if (!authorization.isEmpty() && !head.toLowerCase(Locale.ROOT).contains(wanted)) {
        out.write(
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
                .getBytes(ISO_8859_1));
        return;
      }
      if (head.startsWith("CONNECT ")) {
        out.write("HTTP/1.1 200 Connected\r\n\r\n".getBytes(ISO_8859_1));
      } else {
        upstream.getOutputStream().write(forwarded(head).getBytes(ISO_8859_1));
      }
      Thread back = Thread.ofVirtual().start(() -> copy(upstream, client));
      copy(client, upstream);
      back.join();
    } catch (IOException e) {
      // one side went away
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static String head(InputStream in) throws IOException {
    var head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      if (next < 0) {
        throw new IOException("no request");
      }
      head.append((char) next);
    }
    return head.toString();
  }

  /** From the absolute form to the origin's, for one request per connection. */
  private static String forwarded(String head) {
    String[] line = head.substring(0, head.indexOf("\r\n")).split(" ", 3);
    URI url = URI.create(line[1]);
    String path = url.getRawPath() + (url.getRawQuery() == null ? "" : "?" + url.getRawQuery());
    return line[0]
        + " "
        + path
        + " HTTP/1.1\r\nConnection: close"
        + head.substring(head.indexOf("\r\n"))
            .replaceAll("(?i)\r\n(connection|proxy-[a-z]+):[^\r]*", "");
  }

  private static void copy(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
      to.shutdownOutput();
    } catch (IOException e) {
      // one side went away
    }
  }

  @Override
  public void close() {
    try {
      server.close();
      for (Socket socket : open) {
        socket.close();
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
