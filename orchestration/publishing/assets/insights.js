/* The insights page: the start, when every part has said how it is filled. */
"use strict";
// Last of what follows the opening of a tab: what is drawn is what the address has chosen.
stageproof.onTab(stageproof.views.drawTab);
stageproof.start();
