// expect: incompatible(-function)?-pointer-types
/* A caller sends another method's request. */
#include "contract/attribution.h"

enum status ask(struct call *call, Attribution__V1__OrderCreditsReply **out);
enum status ask(struct call *call, Attribution__V1__OrderCreditsReply **out)
{
#ifdef WRONG
	Attribution__V1__SummaryRequest in = ATTRIBUTION__V1__SUMMARY_REQUEST__INIT;
#else
	Attribution__V1__OrderCreditsRequest in = ATTRIBUTION__V1__ORDER_CREDITS_REQUEST__INIT;
#endif
	return attribution_order_credits(call, &in, out);
}
