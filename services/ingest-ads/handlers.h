/* The tables main.c registers. */
#ifndef ADS_HANDLERS_H
#define ADS_HANDLERS_H

#include "contract/ingest_ads.h"
#include "contract/ingest_ads_events.h"

extern const struct ingest_ads_handlers ads_handlers;
extern const struct ingest_ads_consumers ads_consumers;

#endif
