/* The forecast page: the start, when every part has said how it is filled. */
"use strict";
stageproof.start();
