#include "net/tls.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cstdlib>

namespace slipway::net {

namespace {

using boost::system::error_code;
namespace ssl = asio::ssl;

std::string chain_text(const STACK_OF(X509) * chain) {
  std::string text;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const std::unique_ptr<BIO, int (*)(BIO*)> out{::BIO_new(::BIO_s_mem()), &::BIO_free};
    if (!out || ::PEM_write_bio_X509(out.get(), sk_X509_value(chain, i)) != 1) continue;
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    text.append(data, static_cast<std::size_t>(size));
  }
  return text;
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(Socket socket, ssl::context& context) : stream_{std::move(socket), context} {}
  Socket& socket() override { return stream_.next_layer(); }
  asio::awaitable<std::size_t> read_some(asio::mutable_buffer buffer, error_code& error) override {
    return stream_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  }
  asio::awaitable<std::size_t> write_some(asio::const_buffer data, error_code& error) override {
    return stream_.async_write_some(data, asio::redirect_error(asio::use_awaitable, error));
  }
  asio::awaitable<void> end(error_code& error) override {
    return stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  }
  std::string verified_chain() const override {
    // Asio's handle() is not const; nothing is changed.
    auto* const session = const_cast<ssl::stream<Socket>&>(stream_).native_handle();
    return ::SSL_is_server(session) ? "" : chain_text(::SSL_get0_verified_chain(session));
  }
  ssl::stream<Socket>& stream() { return stream_; }

 private:
  ssl::stream<Socket> stream_;
};

[[noreturn]] void refuse(std::string_view what, const error_code& error) {
  throw Error{Step::tls, fmt::format("TLS: {}: {}", what, error.message())};
}

TlsContext new_context(ssl::context::method method) {
  auto context = std::make_shared<ssl::context>(method);
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  ::SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  // An idle connection gives its record buffers back.
  ::SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return context;
}

void use_identity(ssl::context& context, const TlsOptions& options) {
  error_code error;
  context.use_certificate_chain(asio::buffer(options.certificate), error);
  if (error) refuse("the certificate cannot be used", error);
  context.use_private_key(asio::buffer(options.key), ssl::context::pem, error);
  if (error) refuse("the key cannot be used", error);
  if (::SSL_CTX_check_private_key(context.native_handle()) != 1)
    throw Error{Step::tls, "TLS: the key does not belong to the certificate"};
}

/// OpenSSL's own place first (SSL_CERT_FILE, SSL_CERT_DIR, its directory of hashed names, read on
/// demand); a static program in a foreign image has no such directory and looks for the bundle
/// where distributions keep it.
void trust_system(ssl::context& context) {
  error_code ignored;
  context.set_default_verify_paths(ignored);
  if (std::getenv("SSL_CERT_FILE") || ::access(::X509_get_default_cert_dir(), R_OK) == 0) return;
  for (const char* bundle :
       {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem"}) {
    if (::access(bundle, R_OK) != 0) continue;
    error_code error;
    context.load_verify_file(bundle, error);
    if (!error) return;
  }
}

void trust(ssl::context& context, const std::string& ca) {
  error_code error;
  context.add_certificate_authority(asio::buffer(ca), error);
  if (error) refuse("the CA certificates cannot be used", error);
}

/// What the certificate must be valid for; a name is sent along, so that a shared server picks the
/// right one.
bool expect_name(SSL* session, const std::string& name) {
  error_code not_an_address;
  asio::ip::make_address(name, not_an_address);
  if (!not_an_address)
    return ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(session), name.c_str()) == 1;
  ::SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return ::SSL_set1_host(session, name.c_str()) == 1 &&
         ::SSL_set_tlsext_host_name(session, name.c_str()) == 1;
}

asio::awaitable<std::unique_ptr<Connection>> handshake(std::unique_ptr<TlsTransport> transport,
                                                       ssl::stream_base::handshake_type role,
                                                       std::string peer,
                                                       std::chrono::milliseconds limit) {
  auto& stream = transport->stream();
  error_code error;
  std::optional<std::string> expired;
  {
    Watchdog watchdog{stream.next_layer()};
    watchdog.start(Watchdog::total, limit, "no handshake");
    co_await stream.async_handshake(role, asio::redirect_error(asio::use_awaitable, error));
    expired = watchdog.expired();
  }
  if (expired) throw Error{Step::tls, describe(Step::tls, peer, *expired)};
  if (error == asio::error::operation_aborted) throw boost::system::system_error{error};
  if (error) {
    const auto verdict = ::SSL_get_verify_result(stream.native_handle());
    auto cause = verdict == X509_V_OK ? error.message()
                                      : fmt::format("certificate refused: {}",
                                                    ::X509_verify_cert_error_string(verdict));
    throw Error{Step::tls, describe(Step::tls, peer, cause)};
  }
  co_return std::make_unique<Connection>(std::move(transport), std::move(peer));
}

}  // namespace

TlsContext client_context(const TlsOptions& options) {
  auto context = new_context(ssl::context::tls_client);
  context->set_verify_mode(ssl::verify_peer);
  if (options.system_roots) trust_system(*context);
  if (!options.ca.empty()) trust(*context, options.ca);
  if (!options.certificate.empty() || !options.key.empty()) use_identity(*context, options);
  return context;
}

TlsContext server_context(const TlsOptions& options) {
  auto context = new_context(ssl::context::tls_server);
  use_identity(*context, options);
  // Client certificates make OpenSSL ask for a session context, which nothing here would ever
  // resume.
  ::SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_TICKET);
  if (options.ca.empty()) return context;
  trust(*context, options.ca);
  context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  return context;
}

asio::awaitable<std::unique_ptr<Connection>> tls_connect(Socket socket, TlsContext context,
                                                         std::string name, std::string peer,
                                                         std::chrono::milliseconds limit) {
  auto transport = std::make_unique<TlsTransport>(std::move(socket), *context);
  if (!expect_name(transport->stream().native_handle(), name))
    throw Error{Step::tls, describe(Step::tls, peer, "its name cannot be checked")};
  auto work = handshake(std::move(transport), ssl::stream_base::client, std::move(peer), limit);
  co_return co_await std::move(work);
}

asio::awaitable<std::unique_ptr<Connection>> tls_accept(Socket socket, TlsContext context,
                                                        std::string peer,
                                                        std::chrono::milliseconds limit) {
  auto transport = std::make_unique<TlsTransport>(std::move(socket), *context);
  auto work = handshake(std::move(transport), ssl::stream_base::server, std::move(peer), limit);
  co_return co_await std::move(work);
}

}  // namespace slipway::net
