import NIOCore

/// Finds out from a connection's first bytes whether it speaks HTTP/2 without having asked (RFC 9113, section 3.3), and makes
/// way for what speaks it or HTTP/1.
final class ProtocolDetector: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let seconds: Int64
    private let settle: (_ isHTTP2: Bool, any Channel) throws -> Void
    private var received: ByteBuffer?
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - seconds: how long the first bytes may take.
    ///   - settle: puts the handlers of the protocol into the pipeline.
    init(seconds: Int64, settle: @escaping (_ isHTTP2: Bool, any Channel) throws -> Void) {
        self.seconds = seconds
        self.settle = settle
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: .seconds(seconds)) { bound.value.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if var all = received {
            all.writeBuffer(&buffer)
            buffer = all
        }
        let start = buffer.readableBytesView.prefix(ProtocolDetector.preface.count)
        let isLike = start.elementsEqual(ProtocolDetector.preface.prefix(start.count))
        if isLike, start.count < ProtocolDetector.preface.count {
            received = buffer
            return
        }
        received = nil
        timer?.cancel()
        do { try settle(isLike, context.channel) } catch { return context.close(promise: nil) }
        context.fireChannelRead(wrapInboundOut(buffer))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is Connections.Drain: context.close(promise: nil)
        case let event as ChannelEvent where event == .inputClosed: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }
}

/// Tells a connection of HTTP/2 to end as its protocol has it: no new streams, and those under way are answered.
final class DrainTranslator: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is Connections.Drain {
            context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
