package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.NoSuchFileException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLSocket;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.HttpsSupport;
import org.apache.hc.client5.http.ssl.NoopHostnameVerifier;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.ssl.SSLContextBuilder;
import org.apache.hc.core5.ssl.SSLContexts;
import org.jspecify.annotations.Nullable;

/** Turns the TLS settings of a host into what the HTTP library wants. */
final class TlsSetup {
  /** Of a key store that exists in memory alone. */
  private static final char[] NO_PASSWORD = {};

  private TlsSetup() {}

  /**
   * Reads the files of the settings. The machine's authorities alone are read when the first
   * connection with TLS is made, for most of what has no settings goes without.
   *
   * @throws BerthException INVALID_ARGUMENT naming the file that cannot be read or is not what it
   *     should be
   */
  static TlsSocketStrategy of(Endpoint.Tls tls, SystemAuthorities system) {
    return tls.equals(Endpoint.Tls.DEFAULT) ? new Late(system) : strategy(tls, system);
  }

  /** Reads what it needs when it is needed. */
  private static final class Late implements TlsSocketStrategy {
    private final SystemAuthorities system;

    @GuardedBy("this") private @Nullable TlsSocketStrategy strategy;

    Late(SystemAuthorities system) {
      this.system = system;
    }

    private synchronized TlsSocketStrategy strategy() {
      if (strategy == null) {
        strategy = TlsSetup.strategy(Endpoint.Tls.DEFAULT, system);
      }
      return strategy;
    }

    @Override
    public SSLSocket upgrade(
        Socket socket, String target, int port, Object attachment, HttpContext context)
        throws IOException {
      return strategy().upgrade(socket, target, port, attachment, context);
    }
  }

  private static TlsSocketStrategy strategy(Endpoint.Tls tls, SystemAuthorities system) {
    try {
      SSLContextBuilder context = SSLContexts.custom();
      if (tls.skipVerify()) {
        context.loadTrustMaterial(null, (_, _) -> true);
      } else {
        context.loadTrustMaterial(trustStore(tls, system), null);
      }
      if (!tls.clients().isEmpty()) {
        context.loadKeyMaterial(keyStore(tls), NO_PASSWORD);
      }
      return new DefaultClientTlsStrategy(
          context.build(),
          tls.skipVerify()
              ? NoopHostnameVerifier.INSTANCE
              : HttpsSupport.getDefaultHostnameVerifier());
    } catch (NoSuchFileException e) {
      throw new BerthException(INVALID_ARGUMENT, "cannot set up TLS: no file " + e.getFile(), e);
    } catch (IOException | GeneralSecurityException e) {
      throw new BerthException(INVALID_ARGUMENT, "cannot set up TLS: " + e.getMessage(), e);
    }
  }

  /** The machine's own authorities and those of the configuration: one manager must know all. */
  private static KeyStore trustStore(Endpoint.Tls tls, SystemAuthorities system)
      throws IOException, GeneralSecurityException {
    List<Certificate> trusted = new ArrayList<>(system.certificates());
    for (var file : tls.authorities()) {
      trusted.addAll(PemFiles.certificates(file));
    }
    KeyStore store = empty();
    for (int i = 0; i < trusted.size(); i++) {
      store.setCertificateEntry("authority-" + i, trusted.get(i));
    }
    return store;
  }

  private static KeyStore keyStore(Endpoint.Tls tls) throws IOException, GeneralSecurityException {
    KeyStore store = empty();
    for (Endpoint.ClientKey client : tls.clients()) {
      PrivateKey key = PemFiles.privateKey(client.key());
      Certificate[] chain = PemFiles.certificates(client.certificate()).toArray(Certificate[]::new);
      store.setKeyEntry("client-" + store.size(), key, NO_PASSWORD, chain);
    }
    return store;
  }

  private static KeyStore empty() throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    return store;
  }
}
