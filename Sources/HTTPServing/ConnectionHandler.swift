import Base
import NIOCore
import NIOHTTP1
import Serving

/// One connection, or one stream of HTTP/2: collects a request, hands it over, writes the answer.
final class ConnectionHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Before a request's headers.
        case idle
        case body(HTTPRequestHead)
        /// The request is with the handler, or its answer on the way.
        case answering
        case closing
    }

    private let settings: HTTPServer.Settings
    private let handler: any RequestHandling
    private let isWelcome: Bool
    /// A stream of HTTP/2 has one request and no connection of its own.
    private let isStream: Bool
    private var state = State.idle
    private var body: [UInt8] = []
    private var client = ""
    private var timer: Scheduled<Void>?
    private var isDraining = false
    /// Counts requests, so that a late answer is not taken for the next one.
    private var number = 0

    init(_ settings: HTTPServer.Settings, _ handler: any RequestHandling, isWelcome: Bool, isStream: Bool) {
        self.settings = settings
        self.handler = handler
        self.isWelcome = isWelcome
        self.isStream = isStream
    }

    func channelActive(context: ChannelHandlerContext) {
        start(context)
        context.fireChannelActive()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    private func start(_ context: ChannelHandlerContext) {
        guard timer == nil else { return }
        let channel = isStream ? context.channel.parent ?? context.channel : context.channel
        client = channel.remoteAddress?.ipAddress ?? ""
        wait(context)
    }

    /// Gives the next request its time to begin. Trickling bytes do not prolong it.
    private func wait(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer?.cancel()
        let seconds = isWelcome ? settings.idleSeconds : HTTPServer.unwelcomeSeconds
        timer = context.eventLoop.scheduleTask(in: .seconds(seconds)) { [self] in
            if case .idle = state { bound.value.close(promise: nil) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        state = .closing
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .idle): begin(head, context)
        case (.body(var buffer), .body):
            guard body.count + buffer.readableBytes <= settings.largestBody else { return refuse(413, context) }
            body += buffer.readBytes(length: buffer.readableBytes) ?? []
        case (.end, .body(let head)): hand(head, context)
        default: break
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        number += 1
        body = []
        state = .body(head)
        timer?.cancel()
        // Not before there is a request: an answer to nothing would not arrive.
        if !isWelcome { return refuse(503, context) }
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }) {
            if length > settings.largestBody { return refuse(413, context) }
            body.reserveCapacity(length)
        }
        if head.headers.first(name: "expect")?.lowercased() == "100-continue", head.version.major == 1 {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let own = number
        timer = context.eventLoop.scheduleTask(in: .seconds(settings.bodySeconds)) { [self] in
            if case .body = state, number == own { refuse(408, bound.value) }
        }
    }

    private func hand(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        state = .answering
        timer?.cancel()
        var request = known(head)
        request.body = body
        body = []
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let own = number
        let loop = context.eventLoop
        let isHead = head.method == .HEAD
        let keeps = head.isKeepAlive
        timer = loop.scheduleTask(in: .milliseconds(Int64(settings.answerSeconds * 1000))) { [self] in
            guard case .answering = state, number == own else { return }
            number += 1
            write(handler.refuse(status: 504, known(head)), keeps: false, isHead: isHead, bound.value)
        }
        handler.handle(request) { [self] reply in
            let answer: @Sendable () -> Void = { [self] in
                guard case .answering = state, number == own else { return }
                write(reply, keeps: keeps, isHead: isHead, bound.value)
            }
            if loop.inEventLoop { answer() } else { loop.execute(answer) }
        }
    }

    private func refuse(_ status: Int, _ context: ChannelHandlerContext) {
        var head: HTTPRequestHead?
        switch state {
        case .closing: return
        case .body(let begun): head = begun
        case .idle, .answering: break
        }
        write(handler.refuse(status: status, known(head)), keeps: false, isHead: head?.method == .HEAD, context)
    }

    /// A request without its body.
    private func known(_ head: HTTPRequestHead?) -> ServedRequest {
        guard let head else { return ServedRequest(method: "", path: "", client: client) }
        return ServedRequest(
            method: head.method.rawValue, path: String(head.uri.prefix { $0 != "?" && $0 != "#" }),
            headers: head.headers.map { ($0.name.lowercased(), $0.value) }, client: client)
    }

    private func write(_ reply: ServedReply, keeps: Bool, isHead: Bool, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let keeps = keeps && !isDraining
        var headers = HTTPHeaders()
        headers.add(name: "content-type", value: reply.contentType)
        headers.add(name: "content-length", value: String(reply.body.count))
        for (name, value) in reply.headers { headers.add(name: name, value: value) }
        if !isStream && !keeps { headers.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !isHead && !reply.body.isEmpty {
            var buffer = context.channel.allocator.buffer(capacity: reply.body.count)
            buffer.writeBytes(reply.body)
            context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        }
        state = keeps && !isStream ? .idle : .closing
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let hasEnded = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if keeps && !isStream { return wait(context) }
        hasEnded.whenComplete { [self] _ in
            // What a client still sends of a refused body would turn into a reset that eats the answer.
            timer = bound.value.eventLoop.scheduleTask(in: .milliseconds(isStream ? 0 : 500)) {
                bound.value.close(promise: nil)
            }
            if !isStream { bound.value.close(mode: .output, promise: nil) }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is Connections.Drain:
            isDraining = true
            if case .idle = state { context.close(promise: nil) }
        case let event as ChannelEvent where event == .inputClosed:
            switch state {
            case .idle, .body, .closing: context.close(promise: nil)
            case .answering: break
            }
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
        switch state {
        case .idle, .body: refuse(error == .headerOverflow ? 431 : 400, context)
        case .answering, .closing: context.close(promise: nil)
        }
    }
}
