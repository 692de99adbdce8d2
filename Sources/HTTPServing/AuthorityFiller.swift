import NIOCore
import NIOHPACK
import NIOHTTP2

/// Names the authority of requests that have it as `host`, or not at all.
///
/// Gateways that turn HTTP/1 into HTTP/2 send `host` (RFC 9113, section 8.3.1); the translation to HTTP/1 insists on `:authority`.
final class AuthorityFiller: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .headers(var frame) = unwrapInboundIn(data), frame.headers.contains(name: ":method"),
            !frame.headers.contains(name: ":authority")
        else { return context.fireChannelRead(data) }
        // Pseudo-header fields stand before all others.
        var headers = HPACKHeaders([(":authority", frame.headers.first(name: "host") ?? "localhost")])
        for (name, value, indexing) in frame.headers where name != "host" {
            headers.add(name: name, value: value, indexing: indexing)
        }
        frame.headers = headers
        context.fireChannelRead(wrapInboundOut(.headers(frame)))
    }
}
