// The TLS part of Asio, compiled once for the whole project.
#include <boost/asio/ssl/impl/src.hpp>
