/*
 * Streams in the shape the provider sends them: order of events, padding behind the data, pings,
 * fields that come and go. Written by hand. Only for run_model*.c of this folder.
 */
#ifndef INSIGHTS_TEST_MODEL_STREAMS_H
#define INSIGHTS_TEST_MODEL_STREAMS_H

#define EV(name, data) "event: " name "\ndata: " data "\n\n"
#define START                                                                                     \
	EV("message_start",                                                                       \
	   "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_01\",\"type\":\"message\","     \
	   "\"role\":\"assistant\",\"content\":[],\"model\":\"claude-sonnet-5\","                 \
	   "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":40,"          \
	   "\"cache_creation_input_tokens\":1200,\"cache_read_input_tokens\":300,"                \
	   "\"cache_creation\":{\"ephemeral_5m_input_tokens\":200,\"ephemeral_1h_input_tokens\":" \
	   "1000},\"output_tokens\":5,\"service_tier\":\"standard\"}}}          ")
#define PING EV("ping", "{\"type\": \"ping\"}")
#define BLOCK(i, block)           \
	EV("content_block_start", \
	   "{\"type\":\"content_block_start\",\"index\":" #i ",\"content_block\":" block "}    ")
#define DELTA(i, delta)           \
	EV("content_block_delta", \
	   "{\"type\":\"content_block_delta\",\"index\":" #i ",\"delta\":" delta "}")
#define CLOSE(i)      EV("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":" #i " }")
#define TEXT_BLOCK(i) BLOCK(i, "{\"type\":\"text\",\"text\":\"\"}")
#define TEXT(i, t)    DELTA(i, "{\"type\":\"text_delta\",\"text\":\"" t "\"}")
#define INPUT(i, t)   DELTA(i, "{\"type\":\"input_json_delta\",\"partial_json\":\"" t "\"}")
#define STOP_WITH(stop, more, usage)                                                         \
	EV("message_delta", "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" stop \
			    "\",\"stop_sequence\":null" more "},\"usage\":" usage "}  ")     \
	EV("message_stop", "{\"type\":\"message_stop\"}")
#define STOP(stop) STOP_WITH(stop, "", "{\"output_tokens\":106}")
#define HELLO      TEXT_BLOCK(0) PING TEXT(0, "Hello") TEXT(0, " th\\u00e9re") TEXT(0, "!") CLOSE(0)
#define TOOL_BLOCK(i, id)                                                             \
	BLOCK(i, "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"get_summary\"," \
		 "\"caller\":{\"type\":\"direct\"},\"input\":{}}")
#define ERROR_EVENT(type)                                                                          \
	EV("error", "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"s3cret\"}" \
		    "}")

#define STREAM_HELLO START HELLO STOP("end_turn")
/* Thinking, text and two calls, one of them without any input. */
#define STREAM_TOOLS                                                                               \
	START BLOCK(0, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}") DELTA(      \
		0, "{\"type\":\"thinking_delta\",\"thinking\":\"First \\\"the\\\" \"}")            \
		DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":\"summary.\"}")                \
			DELTA(0, "{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}") CLOSE(0) \
				TEXT_BLOCK(1) TEXT(1, "I look.") CLOSE(1) TOOL_BLOCK(2, "toolu_A") \
					INPUT(2, "") INPUT(2, "{\\\"fro")                          \
						INPUT(2, "m\\\": 1.50, \\\"x\\\": \\\"\\u20ac")    \
							INPUT(2, "\\\"}") CLOSE(2)                 \
								TOOL_BLOCK(3, "toolu_B")           \
									INPUT(3, "") CLOSE(3)      \
										STOP("tool_use")
#define STREAM_REFUSAL                                                                      \
	START TEXT_BLOCK(0) CLOSE(0)                                                        \
		STOP_WITH("refusal",                                                        \
			  ",\"stop_details\":{\"type\":\"refusal\",\"category\":\"cyber\"," \
			  "\"explanation\":\"words\"}",                                     \
			  "{\"output_tokens\":0}")

#endif
